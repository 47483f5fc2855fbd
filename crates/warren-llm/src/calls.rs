//! The tool calls of one answer: every call gets an id of its own, whatever the provider says.

use std::collections::BTreeSet;

use crate::ModelEvent;

/// The calls so far, in the order in which they began.
#[derive(Default)]
pub(crate) struct Calls {
    open: Vec<Open>,
    ids: BTreeSet<String>,
}

struct Open {
    /// The provider's place or name for the call.
    key: String,
    id: String,
    /// The provider's own id, if it gave one.
    said_id: Option<String>,
    name: String,
    /// Arguments that came before the name.
    held: String,
    is_told: bool,
    provider_executed: bool,
}

impl Calls {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn knows(&self, key: &str) -> bool {
        self.open.iter().any(|call| call.key == key)
    }

    /// Whether the call under this key has a name already and came with another id.
    pub(crate) fn is_of_another(&self, key: &str, id: &str) -> bool {
        let known = self.open.iter().rev().find(|call| call.key == key);
        known.is_some_and(|call| call.is_told && call.said_id.as_deref().is_some_and(|said| said != id))
    }

    /// The key of the call that began last.
    pub(crate) fn last_key(&self) -> Option<String> {
        self.open.last().map(|call| call.key.clone())
    }

    /// The id that we have given the call.
    pub(crate) fn id(&self, key: &str) -> Option<String> {
        self.open.iter().rev().find(|call| call.key == key).map(|call| call.id.clone())
    }

    /// Begins a call under a key, unless there is one.
    pub(crate) fn begin(&mut self, key: &str, id: Option<&str>, provider_executed: bool) {
        if self.knows(key) {
            return;
        }
        let base =
            id.filter(|id| !id.is_empty()).map_or_else(|| format!("call_{}", self.open.len()), str::to_owned);
        let free = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}-{n}")));
        let free_id = free.into_iter().find(|id| !self.ids.contains(id)).unwrap_or(base);
        self.ids.insert(free_id.clone());
        let call = Open {
            key: key.to_owned(),
            id: free_id,
            said_id: id.map(str::to_owned),
            name: String::new(),
            held: String::new(),
            is_told: false,
            provider_executed,
        };
        self.open.push(call);
    }

    /// Adds to a call. Nothing is told before the name is known.
    pub(crate) fn add(&mut self, key: &str, name: &str, args: &str, out: &mut Vec<ModelEvent>) {
        let Some(call) = self.open.iter_mut().rev().find(|call| call.key == key) else { return };
        if call.name.is_empty() {
            call.name.push_str(name);
        }
        call.held.push_str(args);
        if !call.name.is_empty() && (!call.is_told || !call.held.is_empty()) {
            out.push(call.tell());
        }
    }

    /// Tells of the calls that never got a name, so that they can be answered.
    pub(crate) fn finish(&mut self, out: &mut Vec<ModelEvent>) {
        out.extend(self.open.iter_mut().filter(|call| !call.is_told).map(Open::tell));
    }
}

impl Open {
    fn tell(&mut self) -> ModelEvent {
        self.is_told = true;
        ModelEvent::ToolCall {
            call_id: self.id.clone(),
            name: self.name.clone(),
            args_delta: std::mem::take(&mut self.held),
            provider_executed: self.provider_executed,
        }
    }
}
