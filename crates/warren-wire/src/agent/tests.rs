use super::*;

#[test]
fn a_client_of_the_same_major_and_an_older_minor_is_served() {
    let server = ApiVersion { major: 2, minor: 10 };
    assert_eq!(server.serve(ApiVersion { major: 2, minor: 0 }), Ok(()));
    assert_eq!(server.serve(ApiVersion { major: 2, minor: 10 }), Ok(()));
}

#[test]
fn a_newer_minor_and_another_major_are_refused() {
    let server = ApiVersion { major: 2, minor: 10 };
    assert!(server.serve(ApiVersion { major: 2, minor: 11 }).is_err());
    assert!(server.serve(ApiVersion { major: 1, minor: 0 }).is_err());
}

#[test]
fn a_malformed_version_is_refused() {
    for text in ["", "2", "2.", "2.x", "2.1.0", "-2.1"] {
        assert!(ApiVersion::parse(text).is_err(), "{text:?} was accepted");
    }
    assert_eq!(ApiVersion::parse("2.10"), Ok(ApiVersion { major: 2, minor: 10 }));
}

#[test]
fn a_report_has_the_documented_form() {
    let json = r#"{"type":"report","sequence":7,"body":{"kind":"lifecycle","state":"ready","changed_at":"2026-01-02T03:04:05Z"}}"#;
    let message: AgentMessage = serde_json::from_str(json).unwrap();
    let AgentMessage::Report(report) = &message else { panic!("not a report: {message:?}") };
    assert_eq!(report.sequence, 7);
    assert!(matches!(&report.body, ReportBody::Lifecycle(l) if l.state == AgentLifecycle::Ready));
    assert_eq!(serde_json::to_string(&message).unwrap(), json);
}

#[test]
fn unknown_fields_of_a_newer_server_are_ignored() {
    let message: ServerMessage = serde_json::from_str(r#"{"type":"ack","sequence":3,"later":true}"#).unwrap();
    assert_eq!(message, ServerMessage::Ack { sequence: 3 });
}

#[test]
fn debug_of_a_manifest_hides_values_and_seed() {
    let json = serde_json::json!({
        "agent_id": Uuid::nil(), "agent_name": "main", "owner_username": "o", "workspace_id": Uuid::nil(),
        "workspace_name": "w", "environment_variables": {"TOKEN": "hunter2"}, "host_key_seed": "c0ffee",
    });
    let manifest: Manifest = serde_json::from_value(json).unwrap();
    let text = format!("{manifest:?}");
    assert!(text.contains("TOKEN"));
    assert!(!text.contains("hunter2") && !text.contains("c0ffee"), "{text}");
}
