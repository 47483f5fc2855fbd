//! Workspaces of chats, with a provisioner that does as the test says.

use std::{collections::BTreeMap, sync::Mutex};

use bytes::Bytes;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;
use warren_app::{template_versions::NewVersion, templates::NewTemplate, workspaces::WorkspaceSearch};
use warren_build_proto::{
    Agent, AgentAuth, BuildOutcome, DisplayApps, ImportOutcome, JobFailure, JobOutcome, Resource, SecretText,
};
use warren_chat::{Binding, CreateWorkspace, Execute, ListTemplates, StartWorkspace};
use warren_db::{
    DbError, Tx,
    entity::{deployment_settings, provisioner_jobs, workspace_builds},
    query::{self, Page},
};
use warren_vocab::{
    AgentId, AgentLifecycle, BuildId, ChatId, JobId, OrganizationId, RunnerId, TemplateId, TemplateVersionId,
};

use super::*;
use crate::routes::agents::fixture::Fixture;

mod states;

const DEADLINE: Duration = Duration::from_secs(30);

/// What a tool has shown and bound.
#[derive(Default)]
pub(super) struct Seen {
    text: Mutex<String>,
    attached: Mutex<Option<WorkspaceId>>,
}

impl Seen {
    pub(super) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn attached(&self) -> Option<WorkspaceId> {
        *self.attached.lock().unwrap()
    }
}

#[async_trait]
impl Shown for Seen {
    async fn show(&self, text: &str) {
        self.text.lock().unwrap().push_str(text);
    }

    async fn attach(&self, workspace: WorkspaceId) -> Result<(), ToolError> {
        *self.attached.lock().unwrap() = Some(workspace);
        Ok(())
    }
}

struct Stage {
    fixture: Fixture,
    tools: ChatTools,
    actor: Actor,
    organization: OrganizationId,
    chat: ChatId,
}

impl Stage {
    async fn new() -> Stage {
        let fixture = Fixture::new().await;
        let tools = ChatTools::new(fixture.app.clone(), fixture.node.clone());
        let row = fixture.app.db().reader();
        let workspace = query::workspaces::by_id(row, fixture.workspace()).await.unwrap().unwrap();
        let actor = Actor::load(row, UserId::from_uuid(workspace.owner_id)).await.unwrap();
        let organization = OrganizationId::from_uuid(workspace.organization_id);
        // Its own jobs are not for the tests' provisioner.
        let stage = Stage { fixture, tools, actor, organization, chat: ChatId::new() };
        stage.end_jobs().await;
        stage
    }

    /// Makes all jobs so far succeed.
    async fn end_jobs(&self) {
        let ended = provisioner_jobs::Entity::update_many()
            .col_expr(provisioner_jobs::Column::StartedAt, Expr::value(warren_app::now()))
            .col_expr(provisioner_jobs::Column::CompletedAt, Expr::value(warren_app::now()))
            .filter(provisioner_jobs::Column::CompletedAt.is_null());
        let write = async |tx: &Tx| Ok::<_, DbError>(ended.exec(tx).await.map(drop)?);
        self.fixture.app.db().write(write).await.unwrap();
    }

    async fn set_transition(&self, transition: &str) {
        let update = workspace_builds::Entity::update_many()
            .col_expr(workspace_builds::Column::Transition, Expr::value(transition));
        let write = async |tx: &Tx| Ok::<_, DbError>(update.exec(tx).await.map(drop)?);
        self.fixture.app.db().write(write).await.unwrap();
    }

    async fn set(&self, key: &str, value: Value) {
        let row = deployment_settings::Model { key: key.into(), value, updated_at: warren_app::now() };
        let write = async |tx: &Tx| query::deployment_settings::put(tx, row).await;
        self.fixture.app.db().write(write).await.unwrap();
    }

    async fn template(&self, name: &str) -> TemplateId {
        let new = NewVersion {
            organization: self.organization,
            template: None,
            name: String::new(),
            message: String::new(),
            file: self.upload().await,
            tags: BTreeMap::new(),
            variables: Vec::new(),
        };
        let made = self.fixture.app.create_version(&self.actor, new).await.unwrap();
        self.provision(JobOutcome::Import(ImportOutcome::default())).await;
        let new = NewTemplate {
            organization: self.organization,
            version: TemplateVersionId::from_uuid(made.version.id),
            name: name.into(),
            display_name: String::new(),
            description: String::new(),
            icon: String::new(),
            default_ttl_ms: 0,
            allow_user_cancel_workspace_jobs: true,
        };
        let made = self.fixture.app.create_template(&self.actor, new).await.unwrap();
        TemplateId::from_uuid(made.template.id)
    }

    async fn upload(&self) -> warren_vocab::FileId {
        self.fixture.app.upload_file(&self.actor, "application/x-tar", archive()).await.unwrap().0
    }

    /// Takes the next job when it comes and ends it.
    async fn provision(&self, outcome: JobOutcome) {
        let (id, worker) = self.next_job().await;
        self.fixture.app.complete_job(id, worker, outcome).await.unwrap();
    }

    async fn next_job(&self) -> (JobId, RunnerId) {
        let worker = RunnerId::new();
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(job) = self.fixture.app.acquire_job(worker).await.unwrap() {
                return (job.id, worker);
            }
            assert!(Instant::now() < deadline, "no job comes");
            tokio::task::yield_now().await;
        }
    }

    /// Builds the workspace of the next job and lets its agent connect.
    async fn bring_up(&self, workspace: WorkspaceId) {
        let resource = Resource {
            kind: "terraform_data".into(),
            name: "w".into(),
            agents: vec![agent()],
            ..Resource::default()
        };
        self.provision(JobOutcome::Build(BuildOutcome { state: Vec::new(), resources: vec![resource] }))
            .await;
        let detail = self.fixture.app.find_workspace(&self.actor, workspace, false).await.unwrap();
        let agent = AgentId::from_uuid(detail.build.rows.agents[0].id);
        self.fixture.app.agent_connected(agent, workspace, Uuid::new_v4(), ("v", "1")).await.unwrap();
        let write = async |tx: &Tx| {
            let (ready, at) = (AgentLifecycle::Ready, warren_app::now());
            query::agents::set_lifecycle(tx, agent, workspace, ready, at).await
        };
        self.fixture.app.db().write(write).await.unwrap();
    }

    fn context(&self, bound: Option<WorkspaceId>) -> ToolContext {
        ToolContext {
            chat: self.chat,
            owner: UserId::from_uuid(self.actor.user.id),
            organization: self.organization,
            binding: Binding::new(bound),
            key: "key".into(),
            new_workspace: WorkspaceId::new(),
            new_build: BuildId::new(),
            age: Duration::ZERO,
        }
    }

    async fn n_workspaces(&self) -> usize {
        let search = WorkspaceSearch::default();
        let page = Page { limit: 0, offset: 0 };
        self.fixture.app.list_workspaces(&self.actor, search, page).await.unwrap().0.len()
    }
}

/// An archive with one file of one byte.
fn archive() -> Bytes {
    let mut header = [0_u8; 512];
    header[..7].copy_from_slice(b"main.tf");
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(b"00000000001");
    header[156] = b'0';
    header[257..262].copy_from_slice(b"ustar");
    header[263..265].copy_from_slice(b"00");
    // The sum is taken as if its own field were blank.
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    header[154] = 0;
    let mut archive = header.to_vec();
    archive.push(b'\n');
    archive.resize(512 + 512 + 1024, 0);
    archive.into()
}

fn agent() -> Agent {
    Agent {
        terraform_id: Uuid::new_v4().to_string(),
        name: "main".into(),
        auth: AgentAuth::Token(SecretText::new(Uuid::new_v4().to_string())),
        architecture: "amd64".into(),
        operating_system: "linux".into(),
        directory: String::new(),
        env: BTreeMap::new(),
        connection_timeout_seconds: 120,
        troubleshooting_url: String::new(),
        motd_file: String::new(),
        order: 0,
        api_key_scope: "all".into(),
        display_apps: DisplayApps {
            vscode: false,
            vscode_insiders: false,
            web_terminal: true,
            port_forwarding_helper: false,
            ssh_helper: true,
        },
        metadata: vec![],
        apps: vec![],
        scripts: vec![],
        extra_envs: vec![],
    }
}

fn create(template: TemplateId, name: Option<&str>) -> CreateWorkspace {
    CreateWorkspace { template_id: template, name: name.map(str::to_owned), parameters: None }
}

#[tokio::test]
async fn a_workspace_is_made_once_under_the_id_that_was_written_down() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    stage.set("agents_workspace_ttl", json!(3_600_000)).await;
    let (context, seen) = (stage.context(None), Seen::default());
    let id = context.new_workspace;
    let before = stage.n_workspaces().await;
    let (made, ()) = tokio::join!(
        stage.tools.create_workspace(&context, create(template, Some("lab")), &seen),
        stage.bring_up(id)
    );
    let made = made.unwrap();
    assert_eq!((&made["created"], &made["workspace_id"]), (&json!(true), &json!(id)));
    assert_eq!(made["workspace_name"], "lab-2", "a name that is taken gets a number");
    assert_eq!(seen.attached(), Some(id));
    for said in ["Creating the workspace lab-2", "Waiting for the workspace's agent"] {
        assert!(seen.text().contains(said), "{}", seen.text());
    }
    let row = query::workspaces::by_id(stage.fixture.app.db().reader(), id).await.unwrap().unwrap();
    assert_eq!(row.ttl_ms, Some(3_600_000));

    // After a crash the call runs again with what was written down.
    let again =
        stage.tools.create_workspace(&context, create(template, None), &Seen::default()).await.unwrap();
    assert_eq!((&again["created"], &again["workspace_id"]), (&json!(true), &json!(id)));
    let other = stage.context(Some(id));
    let kept = stage.tools.create_workspace(&other, create(template, None), &Seen::default()).await.unwrap();
    assert_eq!((&kept["created"], &kept["status"]), (&json!(false), &json!("already_exists")));
    assert_eq!(stage.n_workspaces().await, before + 1);
}

#[tokio::test]
async fn a_build_that_fails_is_told_with_its_reason() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    let (context, seen) = (stage.context(None), Seen::default());
    let fail = async {
        let (job, worker) = stage.next_job().await;
        let failure =
            JobFailure { message: "no space left".into(), code: None, state: None, canceled: false };
        stage.fixture.app.fail_job(job, worker, failure).await.unwrap();
    };
    let (made, ()) =
        tokio::join!(stage.tools.create_workspace(&context, create(template, None), &seen), fail);
    let error = made.unwrap_err();
    assert_eq!(error.fields["error_code"], "build_failed");
    assert!(error.message.contains("no space left"), "{error}");
    let bound = stage.context(Some(context.new_workspace));
    let next = stage.tools.create_workspace(&bound, create(template, None), &seen).await.unwrap();
    assert!(next["message"].as_str().unwrap().contains("start_workspace"), "{next}");
}

#[tokio::test]
async fn a_stopped_workspace_is_told_and_can_be_started() {
    let stage = Stage::new().await;
    let id = stage.fixture.workspace();
    stage.set_transition("stop").await;
    let context = stage.context(Some(id));
    let execute = Execute { command: "true".into(), timeout: None, workdir: None, run_in_background: false };
    let refused = stage.tools.execute(&context, execute, &Seen::default()).await;
    let ToolOutcome::Result(Err(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.fields["error_code"], "workspace_stopped");
    let template = stage.template("go").await;
    let kept =
        stage.tools.create_workspace(&context, create(template, None), &Seen::default()).await.unwrap();
    assert_eq!((&kept["created"], &kept["status"]), (&json!(false), &json!("stopped")));
    let stopped = stage.tools.stop_workspace(&context, &Seen::default()).await.unwrap();
    assert_eq!(stopped["stopped"], true);

    let seen = Seen::default();
    let (started, ()) = tokio::join!(
        stage.tools.start_workspace(&context, StartWorkspace::default(), &seen),
        stage.bring_up(id)
    );
    let started = started.unwrap();
    assert_eq!((&started["started"], &started["agent_status"]), (&json!(true), &json!("ready")));
    let next = stage.context(Some(id));
    let again = stage.tools.start_workspace(&next, StartWorkspace::default(), &seen).await.unwrap();
    assert_eq!(again["started"], false, "it runs already");
    let status = stage.tools.workspace_status(&context).await.unwrap();
    assert_eq!((&status["status"], &status["agent_status"]), (&json!("running"), &json!("connected")));
}

#[tokio::test]
async fn a_chat_without_a_workspace_and_one_whose_workspace_was_deleted_are_told_what_to_do() {
    let stage = Stage::new().await;
    let error = stage.tools.workspace_status(&stage.context(None)).await.unwrap_err();
    assert_eq!(error.fields["error_code"], "no_workspace");
    let gone = stage.context(Some(WorkspaceId::new()));
    let error = stage.tools.start_workspace(&gone, StartWorkspace::default(), &Seen::default()).await;
    assert_eq!(error.unwrap_err().fields["error_code"], "workspace_deleted");
}

#[tokio::test]
async fn templates_are_found_by_words_in_pages_and_within_what_is_allowed() {
    let stage = Stage::new().await;
    let go = stage.template("go-dev").await;
    let list = async |query: &str, page| {
        let arguments = ListTemplates { query: Some(query.into()), page };
        stage.tools.list_templates(&stage.context(None), arguments).await.unwrap()
    };
    let all = list("", None).await;
    assert_eq!(all["templates"].as_array().unwrap().len(), 2, "{all}");
    let found = list("godev", None).await;
    assert_eq!(found["templates"][0]["id"], json!(go));
    assert_eq!(found["recommended_template_id"], json!(go));
    assert!(list("", Some(2)).await["templates"].as_array().unwrap().is_empty());
    for n in 0..10 {
        stage.template(&format!("more-{n}")).await;
    }
    let first = list("", None).await;
    assert_eq!((first["templates"].as_array().unwrap().len(), &first["next_page"]), (10, &json!(2)));
    assert_eq!(list("", Some(2)).await["templates"].as_array().unwrap().len(), 2);

    stage.set("agents_template_allowlist", json!([go])).await;
    let allowed = list("", None).await;
    assert_eq!(allowed["templates"].as_array().unwrap().len(), 1, "{allowed}");
    let other = TemplateId::from_uuid(serde_json::from_value(first["templates"][2]["id"].clone()).unwrap());
    let context = stage.context(None);
    for error in [
        stage.tools.read_template(&context, other).await.unwrap_err(),
        stage.tools.create_workspace(&context, create(other, None), &Seen::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.fields["error_code"], "template_not_allowed");
    }
    let read = stage.tools.read_template(&context, go).await.unwrap();
    assert_eq!(read["template"]["name"], "go-dev");
    stage.set("agents_template_allowlist", json!("broken")).await;
    assert!(list("", None).await["templates"].as_array().unwrap().is_empty(), "a broken list opens nothing");
}
