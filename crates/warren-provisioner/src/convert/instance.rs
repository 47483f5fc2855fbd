//! Cloud machines whose size users see and whose identity an agent can log in with.

use warren_build_proto::{Agent, AgentAuth};

use super::module::Item;

/// Type, the attribute with its size, the attribute with its identity.
const MACHINES: [(&str, &str, &str); 5] = [
    ("google_compute_instance", "machine_type", "instance_id"),
    ("aws_instance", "instance_type", "id"),
    ("aws_spot_instance_request", "instance_type", "spot_instance_id"),
    ("azurerm_linux_virtual_machine", "size", "virtual_machine_id"),
    ("azurerm_windows_virtual_machine", "size", "virtual_machine_id"),
];

/// Returns the size of a machine, or nothing for other resources.
pub(super) fn instance_type(item: &Item) -> String {
    machine(item).map(|(size, _)| item.text(size)).unwrap_or_default()
}

/// Gives a machine's identity to its agents that have no token.
pub(super) fn identify(item: &Item, agents: &mut [Agent]) {
    let Some((_, identity)) = machine(item) else { return };
    for agent in agents {
        if agent.auth == AgentAuth::Instance(String::new()) {
            agent.auth = AgentAuth::Instance(item.text(identity));
        }
    }
}

fn machine(item: &Item) -> Option<(&'static str, &'static str)> {
    let found = MACHINES.iter().find(|(kind, _, _)| *kind == item.kind)?;
    Some((found.1, found.2))
}
