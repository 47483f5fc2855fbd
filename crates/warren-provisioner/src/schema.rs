//! The provider's schema as data, and what can be read off it alone: its form on the wire, defaults, checks.
//!
//! Owns: the description language and the tables of all types (one file per group).
//! Must not: create, read or remember anything.

mod agent;
mod app;
mod check;
mod later;
mod metadata;
mod parameter;
mod script;
mod shape;
mod wire;
mod workspace;

pub(crate) use check::{Finding, Severity, Step, check};
#[cfg(test)]
use shape::same_config;
pub(crate) use shape::{complete, conform, same_nested, same_value};
pub(crate) use wire::{provider_schema, to_wire};

use crate::value::Value;

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Str,
    Number,
    Bool,
    ListOfStr,
    MapOfStr,
    /// list(object({name = string, org_id = string}))
    ListOfRoles,
}

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Required,
    Optional,
    Computed,
    OptionalComputed,
}

/// The value of an attribute that a template leaves out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Literal {
    Bool(bool),
    Int(i64),
    Str(&'static str),
}

/// A rule for one value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    OneOf(&'static [&'static str]),
    Range(i64, i64),
    NotEmpty,
    MaxBytes(usize),
    Pattern(&'static str),
    AbsolutePath,
    Icon,
    Uuid,
}

/// One attribute of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) ty: Type,
    pub(crate) mode: Mode,
    pub(crate) sensitive: bool,
    pub(crate) default: Option<Literal>,
    pub(crate) rules: &'static [Rule],
}

/// How often a nested block may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    List,
    Set,
}

/// A block inside a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nested {
    pub(crate) name: &'static str,
    pub(crate) nesting: Nesting,
    pub(crate) min: i64,
    /// Zero for no limit.
    pub(crate) max: i64,
    /// One block of defaults appears when a template has none.
    pub(crate) computed: bool,
    pub(crate) block: Block,
}

/// Attributes and nested blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) attributes: &'static [Attribute],
    pub(crate) blocks: &'static [Nested],
}

/// Resource or data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Resource,
    Data,
}

/// What Warren does with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    Full,
    /// Templates that use it are refused.
    Refused,
    /// Templates that use it work, without it.
    Ignored,
}

/// One type of the provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) version: i64,
    pub(crate) support: Support,
    pub(crate) block: Block,
    /// Rules over several attributes.
    pub(crate) check: fn(&Value) -> Vec<Finding>,
}

/// Finds a type's schema.
pub(crate) fn find(kind: Kind, name: &str) -> Option<&'static Schema> {
    all().find(|schema| schema.kind == kind && schema.name == name)
}

/// Lists every type of the provider.
pub(crate) fn all() -> impl Iterator<Item = &'static Schema> {
    [
        agent::SCHEMAS,
        app::SCHEMAS,
        script::SCHEMAS,
        metadata::SCHEMAS,
        workspace::SCHEMAS,
        parameter::SCHEMAS,
        later::SCHEMAS,
    ]
    .into_iter()
    .flatten()
}

// The words in which the tables are written.

const fn attribute(name: &'static str, ty: Type, mode: Mode) -> Attribute {
    Attribute { name, ty, mode, sensitive: false, default: None, rules: &[] }
}

const fn required(name: &'static str, ty: Type) -> Attribute {
    attribute(name, ty, Mode::Required)
}

const fn optional(name: &'static str, ty: Type) -> Attribute {
    attribute(name, ty, Mode::Optional)
}

const fn computed(name: &'static str, ty: Type) -> Attribute {
    attribute(name, ty, Mode::Computed)
}

/// The attribute that every type has.
const ID: Attribute = attribute("id", Type::Str, Mode::OptionalComputed);

const fn block(attributes: &'static [Attribute], blocks: &'static [Nested]) -> Block {
    Block { attributes, blocks }
}

const fn list(name: &'static str, max: i64, block: Block) -> Nested {
    Nested { name, nesting: Nesting::List, min: 0, max, computed: false, block }
}

const fn set(name: &'static str, max: i64, block: Block) -> Nested {
    Nested { name, nesting: Nesting::Set, min: 0, max, computed: false, block }
}

const fn resource(name: &'static str, block: Block) -> Schema {
    Schema { name, kind: Kind::Resource, version: 1, support: Support::Full, block, check: nothing }
}

const fn data(name: &'static str, block: Block) -> Schema {
    Schema { name, kind: Kind::Data, version: 1, support: Support::Full, block, check: nothing }
}

fn nothing(_: &Value) -> Vec<Finding> {
    Vec::new()
}

impl Attribute {
    const fn default(self, default: Literal) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// Says whether a template can set the attribute.
    pub(crate) fn configurable(&self) -> bool {
        self.mode != Mode::Computed
    }

    /// Says whether the provider fills the attribute when the template does not.
    pub(crate) fn filled(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed)
    }
}

impl Nested {
    const fn at_least_one(self) -> Self {
        Self { min: 1, ..self }
    }

    const fn computed(self) -> Self {
        Self { computed: true, ..self }
    }
}

impl Schema {
    const fn version(self, version: i64) -> Self {
        Self { version, ..self }
    }

    const fn support(self, support: Support) -> Self {
        Self { support, ..self }
    }

    const fn check(self, check: fn(&Value) -> Vec<Finding>) -> Self {
        Self { check, ..self }
    }
}

#[cfg(test)]
mod tests;
