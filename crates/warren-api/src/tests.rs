use serde_json::json;
use warren_vocab::{ChatId, ChatStatus, TemplateId};

use crate::{
    chats::{ChatMessagePart, ChatStreamEvent, ChatStreamEventType, ChatStreamStatus},
    error::ErrorResponse,
    workspaces::CreateWorkspaceRequest,
};

#[test]
fn the_zero_id_in_a_request_reads_as_absent() {
    let template = TemplateId::new();
    let request: CreateWorkspaceRequest = serde_json::from_value(json!({
        "name": "dev",
        "template_id": template,
        "template_version_id": "00000000-0000-0000-0000-000000000000",
        "rich_parameter_values": null,
        "a_field_of_a_newer_client": 1,
    }))
    .unwrap();
    assert_eq!(request.template_id, Some(template));
    assert_eq!(request.template_version_id, None);
    assert!(request.rich_parameter_values.is_empty());
}

#[test]
fn an_error_without_detail_has_only_a_message() {
    let error = ErrorResponse { message: "No.".into(), detail: None, validations: vec![] };
    assert_eq!(serde_json::to_value(error).unwrap(), json!({"message": "No."}));
}

#[test]
fn parts_are_tagged_by_type_and_leave_out_what_is_empty() {
    let part = ChatMessagePart::ToolCall {
        tool_call_id: "c1".into(),
        tool_name: "execute".into(),
        args: None,
        args_delta: Some("{\"a".into()),
        provider_executed: false,
        created_at: None,
    };
    assert_eq!(
        serde_json::to_value(&part).unwrap(),
        json!({"type": "tool-call", "tool_call_id": "c1", "tool_name": "execute", "args_delta": "{\"a"})
    );
}

#[test]
fn a_part_with_the_fields_of_other_types_is_read() {
    let part: ChatMessagePart = serde_json::from_value(json!({
        "type": "text", "text": "hi", "url": "", "media_type": "", "file_name": "", "start_line": 0,
        "end_line": 0, "content": "", "mcp_server_config_id": null, "file_id": null,
    }))
    .unwrap();
    assert_eq!(part, ChatMessagePart::text("hi"));
}

#[test]
fn an_event_carries_its_payload_alone() {
    let chat = ChatId::new();
    let mut event = ChatStreamEvent::new(chat, ChatStreamEventType::Status);
    event.status = Some(ChatStreamStatus { status: ChatStatus::Running });
    assert_eq!(
        serde_json::to_value(event).unwrap(),
        json!({"type": "status", "chat_id": chat, "status": {"status": "running"}})
    );
}

#[test]
fn the_openapi_document_names_every_schema_a_client_needs() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    for name in
        ["Workspace", "WorkspaceBuild", "ProvisionerJob", "ChatStreamEvent", "ErrorResponse", "AIProvider"]
    {
        assert!(document["components"]["schemas"][name].is_object(), "{name} is missing");
    }
}
