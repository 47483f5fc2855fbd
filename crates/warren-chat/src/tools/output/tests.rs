//! Who may attach a workspace to a chat.
//!
//! Guard that was taken away, and the test that failed: the row still names the lease,
//! `only_the_holder_of_the_lease_attaches_a_workspace`.

use serde_json::json;
use warren_chat_proto::Episode;
use warren_vocab::LeaseId;

use super::*;
use crate::{
    metrics::ChatMetrics,
    parts::PartWriter,
    store::tests::stage::{Stage, others},
};

#[tokio::test]
async fn only_the_holder_of_the_lease_attaches_a_workspace() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let fence = stage.take(chat).await;
    let call = OpenCall {
        call_id: String::from("a"),
        tool_name: String::from("create_workspace"),
        args: json!({}),
        committed_at: 1,
    };
    let attach = async |lease: LeaseId| {
        let (binding, workspace) = (Binding::new(None), WorkspaceId::new());
        let parts = PartWriter::new(ChatMetrics::default());
        let episode = parts.open(chat, lease, Episode { history_version: 1, attempt: 1 });
        let output = ToolOutput::new(stage.db.clone(), (chat, lease), binding.clone(), episode, &call);
        let is_attached = output.attach(workspace).await.is_ok();
        let kept = [binding.get(), stage.row_of(chat).await.workspace_id.map(WorkspaceId::from_uuid)];
        assert_eq!(kept, [is_attached.then_some(workspace); 2]);
        is_attached
    };
    for other in others(fence.lease) {
        assert!(!attach(other).await);
    }
    assert!(attach(fence.lease).await);
}
