//! `coder_metadata`: facts about another resource.

use warren_build_proto::{MetadataItem, Resource};

use super::{
    ByLabel, ConvertError, Tree,
    graph::Graph,
    module::{Item, label, text},
};

/// The facts of one resource.
pub(super) struct Facts {
    hide: bool,
    icon: String,
    daily_cost: i32,
    items: Vec<MetadataItem>,
}

impl Facts {
    pub(super) fn apply(&self, resource: &mut Resource) {
        resource.hide = self.hide;
        resource.icon.clone_from(&self.icon);
        resource.daily_cost = self.daily_cost;
        resource.metadata.clone_from(&self.items);
    }
}

/// Finds the resource that each `coder_metadata` is about: the nearest that it depends on.
pub(super) fn facts(tree: &Tree<'_>) -> Result<ByLabel<Facts>, ConvertError> {
    let mut by_label = ByLabel::new();
    for item in tree.of_kind("coder_metadata") {
        let Some(node) = tree.graph.by_label(label(&item.address)) else { continue };
        let Some(target) = tree.nearest(node, Graph::dependencies) else { continue };
        if by_label.insert(target.to_owned(), read(item)).is_some() {
            return Err(ConvertError(format!("duplicate metadata resource: {target}")));
        }
    }
    Ok(by_label)
}

fn read(item: &Item) -> Facts {
    let items = item.blocks("item").iter().map(|block| MetadataItem {
        key: text(&block["key"]),
        value: text(&block["value"]),
        sensitive: block["sensitive"].as_bool().unwrap_or_default(),
        is_null: block["is_null"].as_bool().unwrap_or_default(),
    });
    Facts {
        hide: item.flag("hide"),
        icon: item.text("icon"),
        daily_cost: item.int("daily_cost"),
        items: items.collect(),
    }
}
