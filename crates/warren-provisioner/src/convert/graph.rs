//! The text of `terraform graph`: nodes with labels, and edges from what depends to what it depends on.

use std::collections::BTreeMap;

/// A node's place in its graph.
pub(super) type NodeId = usize;

/// The graph in memory.
#[derive(Debug, Default)]
pub(super) struct Graph {
    names: Vec<String>,
    labels: Vec<Option<String>>,
    by_name: BTreeMap<String, NodeId>,
    by_label: BTreeMap<String, NodeId>,
    dependencies: Vec<Vec<NodeId>>,
    dependents: Vec<Vec<NodeId>>,
}

impl Graph {
    /// Reads nodes and edges; other lines are skipped.
    pub(super) fn parse(dot: &str) -> Self {
        let mut graph = Self::default();
        for line in dot.lines() {
            let Some((name, rest)) = quoted(line.trim()) else { continue };
            if let Some((to, _)) = rest.strip_prefix(" -> ").and_then(quoted) {
                let (from, to) = (graph.node(&name), graph.node(&to));
                graph.dependencies[from].push(to);
                graph.dependents[to].push(from);
            } else if let Some((label, _)) = rest.strip_prefix(" [label = ").and_then(quoted) {
                let node = graph.node(&name);
                graph.by_label.entry(label.clone()).or_insert(node);
                graph.labels[node] = Some(label);
            }
        }
        graph
    }

    pub(super) fn by_label(&self, label: &str) -> Option<NodeId> {
        self.by_label.get(label).copied()
    }

    pub(super) fn label(&self, node: NodeId) -> Option<&str> {
        self.labels[node].as_deref()
    }

    /// What a node depends on.
    pub(super) fn dependencies(&self, node: NodeId) -> &[NodeId] {
        &self.dependencies[node]
    }

    /// What depends on a node.
    pub(super) fn dependents(&self, node: NodeId) -> &[NodeId] {
        &self.dependents[node]
    }

    /// Says whether there is an edge between two names.
    pub(super) fn has_edge(&self, matches: impl Fn(&str, &str) -> bool) -> bool {
        let edges = self.dependencies.iter().enumerate();
        let mut edges = edges.flat_map(|(from, all)| all.iter().map(move |to| (from, *to)));
        edges.any(|(from, to)| matches(&self.names[from], &self.names[to]))
    }

    fn node(&mut self, name: &str) -> NodeId {
        if let Some(node) = self.by_name.get(name) {
            return *node;
        }
        let node = self.names.len();
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), node);
        self.labels.push(None);
        self.dependencies.push(vec![]);
        self.dependents.push(vec![]);
        node
    }
}

/// Reads a text in double quotes from the start of a line and returns it with the rest of the line.
fn quoted(line: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = line.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &line[at + 2..])),
            '\\' => text.push(chars.next()?.1),
            c => text.push(c),
        }
    }
    None
}
