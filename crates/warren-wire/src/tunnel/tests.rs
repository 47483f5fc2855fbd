use super::*;

#[test]
fn messages_have_the_documented_json() {
    let agent = AgentId::from_uuid(Uuid::nil());
    let json = serde_json::to_value(ToServer::AddTunnel { agent }).unwrap();
    assert_eq!(json, serde_json::json!({"type": "add_tunnel", "agent": Uuid::nil()}));
    let update = ToNode::PeerUpdate(PeerUpdate { peer: agent.into(), kind: PeerUpdateKind::Lost });
    let json = serde_json::to_value(&update).unwrap();
    assert_eq!(json, serde_json::json!({"type": "peer_update", "peer": Uuid::nil(), "kind": "lost"}));
}

#[test]
fn a_node_update_survives_a_round_trip() {
    let node = PeerNode {
        public_key: PublicKey::new([1; 32]),
        address: "fd00::1".parse().unwrap(),
        psk: PresharedKey::new([2; 32]),
        ports: AllowedPorts::Only([PORT_SSH, PORT_PTY].into()),
    };
    let update = ToNode::PeerUpdate(PeerUpdate {
        peer: PeerId::from_uuid(Uuid::from_u128(7)),
        kind: PeerUpdateKind::Node(node),
    });
    let text = serde_json::to_string(&update).unwrap();
    assert_eq!(serde_json::from_str::<ToNode>(&text).unwrap(), update);
}

#[test]
fn unknown_fields_are_ignored_and_unknown_types_refused() {
    let text = r#"{"type":"disconnect","later":1}"#;
    assert_eq!(serde_json::from_str::<ToServer>(text).unwrap(), ToServer::Disconnect);
    assert!(serde_json::from_str::<ToServer>(r#"{"type":"other"}"#).is_err());
}

#[test]
fn secrets_are_redacted_in_debug() {
    assert_eq!(format!("{:?}", PresharedKey::new([7; 32])), "PresharedKey([redacted])");
}

#[test]
fn allowed_ports_are_a_closed_list() {
    let ports = AllowedPorts::Only([PORT_SSH].into());
    assert!(ports.allows(PORT_SSH));
    assert!(!ports.allows(PORT_API));
    assert!(AllowedPorts::Any.allows(PORT_API));
}
