//! From Terraform's plan or state and its graph to what users see: resources with their agents, apps, scripts,
//! variables and facts, and the template's parameters.
//!
//! Owns: a pure function over two texts that Terraform prints.
//! Must not: run Terraform, touch a file, know whether the result is stored.

mod agent;
mod app;
mod graph;
mod instance;
mod metadata;
mod module;
mod parameter;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use warren_build_proto::{Agent, App, Env, Parameter, Resource, Script};

use graph::{Graph, NodeId};
pub(crate) use module::Modules;
use module::{Item, label};

/// Why a template's resources make no sense together; the text is for the template's author.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct ConvertError(String);

/// What was found, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) resources: Vec<Resource>,
    pub(crate) parameters: Vec<Parameter>,
    /// Agents that no resource depends on; they are never started.
    pub(crate) dropped_agents: Vec<String>,
    /// Addresses of apps, scripts and variables whose agent was not found.
    pub(crate) unattached: Vec<String>,
}

/// Types that describe something else and are no resources of their own.
const ATTACHMENTS: [&str; 5] =
    ["coder_script", "coder_agent", "coder_agent_instance", "coder_app", "coder_metadata"];

/// Converts the modules of a plan or state with the text of `terraform graph -type=plan`.
///
/// # Errors
/// The template contradicts itself, e.g. two agents have the same name.
pub(crate) fn convert(modules: &Modules, dot: &str) -> Result<Converted, ConvertError> {
    let graph = Graph::parse(dot);
    let tree = Tree::new(modules, &graph);
    let mut converted = Converted { parameters: parameter::parameters(modules)?, ..Default::default() };
    let mut agents = placed_agents(&tree, &mut converted)?;
    attach_apps(&tree, &mut agents, &mut converted)?;
    attach_scripts_and_envs(&tree, &mut agents, &mut converted);
    let facts = metadata::facts(&tree)?;
    for item in tree.managed() {
        if ATTACHMENTS.contains(&item.kind.as_str()) {
            continue;
        }
        let label = label(&item.address);
        let mut resource = Resource {
            kind: item.kind.clone(),
            name: item.name.clone(),
            module_path: item.module_path(),
            instance_type: instance::instance_type(item),
            ..Default::default()
        };
        if let Some(facts) = facts.get(label) {
            facts.apply(&mut resource);
        }
        let own = agents.iter().filter(|placed| placed.label == label).map(|placed| placed.agent.clone());
        resource.agents = own.collect();
        instance::identify(item, &mut resource.agents);
        converted.resources.push(resource);
    }
    Ok(converted)
}

/// The items of all modules with the graph that connects them.
struct Tree<'a> {
    modules: &'a Modules,
    graph: &'a Graph,
    /// Labels of managed resources that agents and facts can belong to.
    targets: BTreeSet<&'a str>,
}

/// An agent with the label of the resource that carries it.
struct PlacedAgent {
    label: String,
    agent: Agent,
}

impl<'a> Tree<'a> {
    fn new(modules: &'a Modules, graph: &'a Graph) -> Self {
        let is_target =
            |item: &&Item| !item.kind.starts_with("coder_") || item.kind == "coder_external_agent";
        let targets = modules.managed().filter(is_target).map(|item| label(&item.address)).collect();
        Self { modules, graph, targets }
    }

    /// All managed resources in order of their address.
    fn managed(&self) -> impl Iterator<Item = &'a Item> {
        self.modules.managed()
    }

    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &'a Item> {
        self.managed().filter(move |item| item.kind == kind)
    }

    /// Finds the nearest target from a node; of several, the first in byte order.
    fn nearest(&self, from: NodeId, next: impl Fn(&'a Graph, NodeId) -> &'a [NodeId]) -> Option<&'a str> {
        let mut seen = BTreeSet::from([from]);
        let mut level = vec![from];
        while !level.is_empty() {
            let mut further = vec![];
            for node in level.iter().flat_map(|node| next(self.graph, *node)) {
                if seen.insert(*node) {
                    further.push(*node);
                }
            }
            let labels = further.iter().filter_map(|node| self.graph.label(*node));
            if let Some(found) = labels.filter_map(|label| self.targets.get(label)).min() {
                return Some(found);
            }
            level = further;
        }
        None
    }

    /// Says whether an item belongs to an agent.
    fn belongs(&self, item: &Item, agent: &Agent) -> bool {
        let wanted = item.text("agent_id");
        if !wanted.is_empty() || !agent.terraform_id.is_empty() {
            return wanted == agent.terraform_id;
        }
        // Before apply nobody has an id; then a direct edge in the root module decides.
        let source = format!("] {}.{} (expand)", item.kind, item.name);
        let target = format!("] coder_agent.{} (expand)", agent.name);
        self.graph.has_edge(|from, to| from.ends_with(&source) && to.ends_with(&target))
    }
}

fn placed_agents(tree: &Tree<'_>, converted: &mut Converted) -> Result<Vec<PlacedAgent>, ConvertError> {
    let mut names = BTreeSet::new();
    let mut agents = vec![];
    for item in tree.of_kind("coder_agent") {
        let agent = agent::agent(item)?;
        if !names.insert(agent.name.to_lowercase()) {
            return Err(ConvertError(format!("duplicate agent name: {}", agent.name)));
        }
        let label = label(&item.address);
        let Some(node) = tree.graph.by_label(label) else {
            return Err(ConvertError(format!("couldn't find node on graph: {label:?}")));
        };
        match tree.nearest(node, Graph::dependents) {
            Some(label) => agents.push(PlacedAgent { label: label.to_owned(), agent }),
            None => converted.dropped_agents.push(agent.name),
        }
    }
    Ok(agents)
}

fn attach_apps(
    tree: &Tree<'_>,
    agents: &mut [PlacedAgent],
    converted: &mut Converted,
) -> Result<(), ConvertError> {
    let mut slugs = BTreeSet::new();
    for item in tree.of_kind("coder_app") {
        let app: App = app::app(item)?;
        if !slugs.insert(app.slug.clone()) {
            return Err(ConvertError(format!(
                "duplicate app slug, they must be unique per template: {:?}",
                app.slug
            )));
        }
        attach(tree, agents, item, converted, |agent| agent.apps.push(app));
    }
    Ok(())
}

fn attach_scripts_and_envs(tree: &Tree<'_>, agents: &mut [PlacedAgent], converted: &mut Converted) {
    for item in tree.of_kind("coder_env") {
        let env: Env = app::env(item);
        attach(tree, agents, item, converted, |agent| agent.extra_envs.push(env));
    }
    for item in tree.of_kind("coder_script") {
        let script: Script = app::script(item);
        attach(tree, agents, item, converted, |agent| agent.scripts.push(script));
    }
}

fn attach(
    tree: &Tree<'_>,
    agents: &mut [PlacedAgent],
    item: &Item,
    converted: &mut Converted,
    add: impl FnOnce(&mut Agent),
) {
    match agents.iter_mut().find(|placed| tree.belongs(item, &placed.agent)) {
        Some(placed) => add(&mut placed.agent),
        None => converted.unattached.push(item.address.clone()),
    }
}

/// Facts by the label of the resource they are about.
type ByLabel<T> = BTreeMap<String, T>;

#[cfg(test)]
mod tests;
