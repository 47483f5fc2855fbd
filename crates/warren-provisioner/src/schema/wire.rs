//! The tables in the form that Terraform asks for.

use super::{Attribute, Block, Mode, Nested, Nesting, Schema, Type, block, optional};
use crate::proto::tfplugin5 as wire;

/// Converts a type's schema.
pub(crate) fn to_wire(schema: &Schema) -> wire::Schema {
    wire::Schema { version: schema.version, block: Some(block_to_wire(&schema.block)) }
}

/// Returns the schema of the `provider "coder"` block.
pub(crate) fn provider_schema() -> wire::Schema {
    const PROVIDER: Block = block(&[optional("url", Type::Str)], &[]);
    wire::Schema { version: 0, block: Some(block_to_wire(&PROVIDER)) }
}

fn block_to_wire(block: &Block) -> wire::schema::Block {
    wire::schema::Block {
        version: 0,
        attributes: block.attributes.iter().map(attribute_to_wire).collect(),
        block_types: block.blocks.iter().map(nested_to_wire).collect(),
    }
}

fn attribute_to_wire(attribute: &Attribute) -> wire::schema::Attribute {
    wire::schema::Attribute {
        name: attribute.name.to_owned(),
        r#type: type_to_wire(attribute.ty).as_bytes().to_vec(),
        description: String::new(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.filled(),
        sensitive: attribute.sensitive,
    }
}

fn nested_to_wire(nested: &Nested) -> wire::schema::NestedBlock {
    let nesting = match nested.nesting {
        Nesting::List => wire::schema::nested_block::NestingMode::List,
        Nesting::Set => wire::schema::nested_block::NestingMode::Set,
    };
    wire::schema::NestedBlock {
        type_name: nested.name.to_owned(),
        block: Some(block_to_wire(&nested.block)),
        nesting: nesting.into(),
        min_items: nested.min,
        max_items: nested.max,
    }
}

fn type_to_wire(ty: Type) -> &'static str {
    match ty {
        Type::Str => r#""string""#,
        Type::Number => r#""number""#,
        Type::Bool => r#""bool""#,
        Type::ListOfStr => r#"["list","string"]"#,
        Type::MapOfStr => r#"["map","string"]"#,
        Type::ListOfRoles => r#"["list",["object",{"name":"string","org_id":"string"}]]"#,
    }
}
