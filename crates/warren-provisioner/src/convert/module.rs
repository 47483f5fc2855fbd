//! The resources of a plan or state, as `terraform show -json` prints them.

use serde::Deserialize;
use serde_json::Value as Json;

/// One instance of a resource or data source.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    pub(super) address: String,
    mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    values: Json,
}

/// All items of a plan or state.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// In the order of the source: child modules first.
    items: Vec<Item>,
    /// The managed ones, by address.
    managed: Vec<Item>,
}

#[derive(Deserialize)]
struct RawPlan {
    planned_values: Option<RawValues>,
    prior_state: Option<RawState>,
}

#[derive(Deserialize)]
struct RawState {
    values: Option<RawValues>,
}

#[derive(Deserialize)]
struct RawValues {
    root_module: Option<RawModule>,
}

#[derive(Deserialize, Default)]
struct RawModule {
    #[serde(default)]
    resources: Vec<Item>,
    #[serde(default)]
    child_modules: Vec<RawModule>,
}

impl Modules {
    /// Reads `terraform show -json PLAN`: planned resources, and data sources as they were read.
    pub(crate) fn from_plan(json: &[u8]) -> Result<Self, serde_json::Error> {
        let plan: RawPlan = serde_json::from_slice(json)?;
        let prior = plan.prior_state.and_then(|state| state.values).and_then(|values| values.root_module);
        let mut items = vec![];
        flatten(prior.unwrap_or_default(), &mut items);
        items.retain(|item| item.mode == "data");
        flatten(plan.planned_values.and_then(|values| values.root_module).unwrap_or_default(), &mut items);
        Ok(Self::new(items))
    }

    /// Reads `terraform show -json`.
    pub(crate) fn from_state(json: &[u8]) -> Result<Self, serde_json::Error> {
        let state: RawState = serde_json::from_slice(json)?;
        let mut items = vec![];
        flatten(state.values.and_then(|values| values.root_module).unwrap_or_default(), &mut items);
        Ok(Self::new(items))
    }

    /// All managed resources in order of their address.
    pub(super) fn managed(&self) -> impl Iterator<Item = &Item> {
        self.managed.iter()
    }

    /// Data sources of a type, in the order of the source.
    pub(super) fn data(&self, kind: &'static str) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.mode == "data" && item.kind == kind)
    }

    fn new(items: Vec<Item>) -> Self {
        let mut managed: Vec<_> = items.iter().filter(|item| item.mode == "managed").cloned().collect();
        managed.sort_by(|a, b| a.address.cmp(&b.address));
        managed.dedup_by(|a, b| a.address == b.address);
        Self { items, managed }
    }
}

impl Item {
    pub(super) fn value(&self, name: &str) -> &Json {
        &self.values[name]
    }

    /// A text attribute; empty when unknown or null.
    pub(super) fn text(&self, name: &str) -> String {
        text(self.value(name))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or_default()
    }

    pub(super) fn int(&self, name: &str) -> i32 {
        int(self.value(name))
    }

    /// The nested blocks of a name.
    pub(super) fn blocks(&self, name: &str) -> &[Json] {
        self.value(name).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// `module.a.module.b` without the indices of their instances; empty for the root module.
    pub(super) fn module_path(&self) -> String {
        let plain = without_indices(&self.address);
        let mut words = plain.split('.');
        let mut path = vec![];
        while let (Some("module"), Some(name)) = (words.next(), words.next()) {
            path.push(format!("module.{name}"));
        }
        path.join(".")
    }
}

/// Returns an address up to its first index; that is what the graph calls it.
pub(super) fn label(address: &str) -> &str {
    address.split_once('[').map_or(address, |(label, _)| label)
}

pub(super) fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn int(value: &Json) -> i32 {
    value.as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or_default()
}

fn flatten(module: RawModule, items: &mut Vec<Item>) {
    for child in module.child_modules {
        flatten(child, items);
    }
    items.extend(module.resources);
}

fn without_indices(address: &str) -> String {
    let (mut depth, mut quoted) = (0_u32, false);
    let mut plain = String::new();
    for c in address.chars() {
        match c {
            '"' if depth > 0 => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}
