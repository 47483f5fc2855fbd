mod replicas;

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;
use warren_build_proto::{
    Agent, AgentAuth, App as AgentApp, BuildOutcome, DisplayApps, Env, ImportOutcome, MetadataItem,
    Parameter, Resource, Script, SecretText,
};
use warren_db::{entity::templates, query::Page};
use warren_db_testkit::TestDatabase;
use warren_rt::Sealer;
use warren_vocab::{
    BuildId, BuildReason, LogLevel, LogSource, OrganizationId, TemplateId, TemplateVersionId, Transition,
};

use super::*;
use crate::{
    Origin,
    actor::Actor,
    builds::NewBuild,
    identity::{FirstUser, hash_agent_token},
    now,
    template_versions::NewVersion,
    templates::NewTemplate,
    workspaces::{NewWorkspace, Source},
};

struct Fixture {
    app: App,
    actor: Actor,
    organization: OrganizationId,
    database: TestDatabase,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let app =
            App::new(database.database(), Sealer::from_key(&[7; 32]), "http://127.0.0.1:1/".parse().unwrap());
        let first = FirstUser {
            email: "ada@example.com".into(),
            username: "ada".into(),
            name: "Ada".into(),
            password: "correct horse battery".into(),
        };
        let (user, organization) = app.create_first_user(&Origin::system("test"), first).await.unwrap();
        let actor = Actor::load(app.db().reader(), user).await.unwrap();
        Self { app, actor, organization, database }
    }

    async fn push(&self) -> TemplateVersionId {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        archive.append_data(&mut header, "main.tf", b"\n".as_slice()).unwrap();
        let archive = Bytes::from(archive.into_inner().unwrap());
        let (file, _) = self.app.upload_file(&self.actor, "application/x-tar", archive).await.unwrap();
        let new = NewVersion {
            organization: self.organization,
            template: None,
            name: String::new(),
            message: String::new(),
            file,
            tags: BTreeMap::new(),
            variables: vec![crate::job_input::VariableValue { name: "region".into(), value: "eu".into() }],
        };
        TemplateVersionId::from_uuid(self.app.create_version(&self.actor, new).await.unwrap().version.id)
    }

    /// A workspace whose first build waits.
    async fn workspace(&self) -> (WorkspaceId, BuildId) {
        let version = self.push().await;
        let (job, worker) = self.acquire().await;
        let outcome = JobOutcome::Import(ImportOutcome::default());
        self.app.complete_job(job.id, worker, outcome).await.unwrap();
        let new = NewTemplate {
            organization: self.organization,
            version,
            name: format!("t{}", &Uuid::new_v4().simple().to_string()[..8]),
            display_name: String::new(),
            description: String::new(),
            icon: String::new(),
            default_ttl_ms: 0,
            allow_user_cancel_workspace_jobs: true,
        };
        let template = self.app.create_template(&self.actor, new).await.unwrap().template;
        let new = NewWorkspace {
            source: Source::Template(TemplateId::from_uuid(template.id)),
            name: format!("w{}", &Uuid::new_v4().simple().to_string()[..8]),
            autostart_schedule: None,
            ttl_ms: Some(3_600_000),
            parameters: BTreeMap::new(),
            reason: BuildReason::Initiator,
        };
        let made = self.app.create_workspace(&self.actor, &self.actor.user, new).await.unwrap();
        (WorkspaceId::from_uuid(made.workspace.id), BuildId::from_uuid(made.build.build.id))
    }

    async fn acquire(&self) -> (AcquiredJob, RunnerId) {
        let worker = RunnerId::new();
        (self.app.acquire_job(worker).await.unwrap().expect("a job waits"), worker)
    }

    async fn build(&self, workspace: WorkspaceId, transition: Transition) -> BuildId {
        let made = self.app.create_build(&self.actor, workspace, NewBuild::of(transition)).await.unwrap();
        BuildId::from_uuid(made.build.id)
    }

    async fn job(&self, id: JobId) -> provisioner_jobs::Model {
        query::job_rows::by_id(self.app.db().reader(), id).await.unwrap().unwrap()
    }
}

fn line(output: &str) -> LogLine {
    LogLine {
        created_at: now(),
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Planning Infrastructure".into(),
        output: output.into(),
    }
}

fn agent(name: &str, token: Uuid) -> Agent {
    Agent {
        terraform_id: Uuid::new_v4().to_string(),
        name: name.into(),
        auth: AgentAuth::Token(SecretText::new(token.to_string())),
        architecture: "amd64".into(),
        operating_system: "linux".into(),
        directory: String::new(),
        env: BTreeMap::from([("EDITOR".into(), "vi".into())]),
        connection_timeout_seconds: 120,
        troubleshooting_url: String::new(),
        motd_file: String::new(),
        order: 0,
        api_key_scope: "all".into(),
        display_apps: DisplayApps {
            vscode: true,
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

fn app_of(id: Uuid) -> AgentApp {
    AgentApp {
        terraform_id: id.to_string(),
        slug: "code".into(),
        display_name: "Code".into(),
        icon: String::new(),
        url: "http://localhost:1".into(),
        command: String::new(),
        subdomain: false,
        share: "owner".into(),
        external: false,
        healthcheck: None,
        group: String::new(),
        order: 0,
        hidden: false,
        open_in: "slim-window".into(),
        tooltip: String::new(),
    }
}

fn script() -> Script {
    Script {
        display_name: "Startup Script".into(),
        icon: String::new(),
        script: "true".into(),
        log_path: "x.log".into(),
        cron: String::new(),
        start_blocks_login: false,
        run_on_start: true,
        run_on_stop: false,
        timeout_seconds: 0,
    }
}

fn made(agents: Vec<Agent>) -> JobOutcome {
    let item =
        |key: &str, is_null| MetadataItem { key: key.into(), value: "v".into(), sensitive: false, is_null };
    let resource = Resource {
        kind: "terraform_data".into(),
        name: "w".into(),
        daily_cost: 4,
        metadata: vec![item("shown", false), item("absent", true)],
        agents,
        ..Resource::default()
    };
    JobOutcome::Build(BuildOutcome { state: b"{\"secret\":1}".to_vec(), resources: vec![resource] })
}

#[tokio::test]
async fn jobs_are_taken_once_and_oldest_first() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.push().await, fixture.push().await);
    let (a, _) = fixture.acquire().await;
    let (b, _) = fixture.acquire().await;
    let versions: Vec<_> = [first, second].into_iter().collect();
    for (job, version) in [a.id, b.id].into_iter().zip(versions) {
        assert_eq!(fixture.app.version_job(&fixture.actor, version).await.unwrap(), job);
    }
    assert!(fixture.app.acquire_job(RunnerId::new()).await.unwrap().is_none());
    let JobRequest::Import(import) = &a.request else { panic!("an import is asked for") };
    assert_eq!(import.variables[0].value.expose(), "eu");
    assert!(import.metadata.agent_scripts.0.contains_key(&("linux".into(), "amd64".into())));
}

#[tokio::test]
async fn an_import_leaves_parameters_readme_and_resources() {
    let fixture = Fixture::new().await;
    let version = fixture.push().await;
    let (job, worker) = fixture.acquire().await;
    let parameter =
        Parameter { name: "size".into(), kind: "number".into(), required: true, ..Default::default() };
    let resource = |name: &str| Resource { kind: "x_y".into(), name: name.into(), ..Resource::default() };
    let outcome = ImportOutcome {
        readme: "# Hello".into(),
        parameters: vec![parameter],
        start_resources: vec![resource("disk"), resource("machine")],
        stop_resources: vec![resource("disk")],
    };
    fixture.app.complete_job(job.id, worker, JobOutcome::Import(outcome)).await.unwrap();
    let detail = fixture.app.find_version(&fixture.actor, version).await.unwrap();
    assert_eq!((detail.job.status, detail.version.readme.as_str()), (JobStatus::Succeeded, "# Hello"));
    let parameters = fixture.app.version_parameters(&fixture.actor, version).await.unwrap();
    assert_eq!(parameters[0].name, "size");
    let rows = fixture.app.version_resources(&fixture.actor, version).await.unwrap();
    let mut found: Vec<_> = rows.resources.iter().map(|r| (r.transition.as_str(), r.name.as_str())).collect();
    found.sort_unstable();
    assert_eq!(found, [("start", "disk"), ("start", "machine"), ("stop", "disk")]);
}

#[tokio::test]
async fn use_moves_the_time_at_which_a_workspace_stops_by_itself() {
    let fixture = Fixture::new().await;
    let (workspace, build) = fixture.workspace().await;
    let (job, worker) = fixture.acquire().await;
    fixture.app.complete_job(job.id, worker, made(vec![agent("main", Uuid::new_v4())])).await.unwrap();
    let reader = fixture.app.db().reader();
    let detail = fixture.app.find_workspace(&fixture.actor, workspace, false).await.unwrap();
    let set_bump = async |ms: i64| {
        let template = templates::Model { activity_bump_ms: ms, ..detail.template.clone() };
        fixture.app.db().write(async |tx| query::templates::update(tx, template).await).await.unwrap();
        fixture.app.keep_workspace(&fixture.actor, workspace).await.unwrap();
        query::builds::by_id(reader, build).await.unwrap().unwrap().deadline.unwrap()
    };
    let before = detail.build.build.deadline.unwrap();
    assert_eq!(set_bump(0).await, before, "the template does not want it");
    assert_eq!(set_bump(60_000).await, before, "it never comes nearer");
    let later = set_bump(2 * 3_600_000).await;
    assert!(later - before > chrono::TimeDelta::minutes(55), "{before} became {later}");
}

#[tokio::test]
async fn a_build_leaves_agents_apps_scripts_and_a_sealed_state() {
    let fixture = Fixture::new().await;
    let (workspace, build) = fixture.workspace().await;
    let (job, worker) = fixture.acquire().await;
    let JobRequest::Build(request) = &job.request else { panic!("a build is asked for") };
    assert_eq!(request.metadata.owner.name, "ada");
    assert_eq!(request.metadata.workspace.as_ref().unwrap().id, workspace);
    assert_eq!(request.variables[0].name, "region");
    let (token, app) = (Uuid::new_v4(), Uuid::new_v4());
    let mut one = agent("main", token);
    one.apps = vec![app_of(app)];
    one.scripts = vec![script()];
    let env = |value: &str, strategy: &str| Env {
        name: "PATH".into(),
        value: value.into(),
        merge_strategy: strategy.into(),
    };
    one.extra_envs = vec![env("/a", "replace"), env("/b", "append"), env("/c", "prepend")];
    fixture.app.complete_job(job.id, worker, made(vec![one])).await.unwrap();

    let detail = fixture.app.find_build(&fixture.actor, build).await.unwrap();
    assert_eq!(detail.status(), warren_vocab::WorkspaceStatus::Running);
    assert_eq!(detail.build.daily_cost, 4);
    assert!(detail.build.deadline.is_some(), "the workspace has a time to live");
    assert_eq!(detail.rows.metadata.iter().map(|m| m.key.as_str()).collect::<Vec<_>>(), ["shown"]);
    let row = &detail.rows.agents[0];
    assert_eq!(row.token_hash, hash_agent_token(token));
    assert_eq!(row.environment_variables, serde_json::json!({"EDITOR": "vi", "PATH": "/c:/a:/b"}));
    assert_eq!(row.display_apps, serde_json::json!(["vscode", "web_terminal", "ssh_helper"]));
    assert_eq!(detail.rows.apps[0].id, app);
    assert_eq!(detail.rows.scripts[0].log_source_id, detail.rows.log_sources[0].id);
    let sealed = query::builds::state(fixture.app.db().reader(), build).await.unwrap().unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"secret"));

    // The next build gets the state, a new row for the agent, and the app moves to it.
    fixture.build(workspace, Transition::Start).await;
    let (job, worker) = fixture.acquire().await;
    let JobRequest::Build(request) = &job.request else { panic!("a build is asked for") };
    assert_eq!(request.state, b"{\"secret\":1}");
    let mut two = agent("main", Uuid::new_v4());
    two.apps = vec![app_of(app)];
    fixture.app.complete_job(job.id, worker, made(vec![two])).await.unwrap();
    let again = fixture.app.list_builds(&fixture.actor, workspace, None, Page::default()).await.unwrap();
    assert_ne!(again[0].rows.agents[0].id, row.id);
    assert_eq!((again[0].rows.apps.len(), again[1].rows.apps.len()), (1, 0));

    fixture.build(workspace, Transition::Delete).await;
    let (job, worker) = fixture.acquire().await;
    fixture.app.complete_job(job.id, worker, JobOutcome::Build(BuildOutcome::default())).await.unwrap();
    let row = query::workspaces::by_id(fixture.app.db().reader(), workspace).await.unwrap().unwrap();
    assert!(row.deleted);
}

#[tokio::test]
async fn apps_of_another_workspace_are_not_taken_away() {
    let fixture = Fixture::new().await;
    let app = Uuid::new_v4();
    let mut owners = vec![];
    for _ in 0..2 {
        let (_, build) = fixture.workspace().await;
        let (job, worker) = fixture.acquire().await;
        let mut one = agent("main", Uuid::new_v4());
        one.apps = vec![app_of(app)];
        fixture.app.complete_job(job.id, worker, made(vec![one])).await.unwrap();
        owners.push(build);
    }
    let first = fixture.app.find_build(&fixture.actor, owners[0]).await.unwrap();
    let second = fixture.app.find_build(&fixture.actor, owners[1]).await.unwrap();
    assert_eq!(first.rows.apps[0].id, app);
    assert_ne!(second.rows.apps[0].id, app);
}

#[tokio::test]
async fn a_result_that_contradicts_itself_fails_the_build_and_keeps_the_state() {
    let fixture = Fixture::new().await;
    let (_, build) = fixture.workspace().await;
    let (job, worker) = fixture.acquire().await;
    let twins = vec![agent("main", Uuid::new_v4()), agent("Main", Uuid::new_v4())];
    fixture.app.complete_job(job.id, worker, made(twins)).await.unwrap();
    let row = fixture.job(job.id).await;
    assert!(row.error.unwrap().contains("workspace agent name \"Main\" already exists"));
    let detail = fixture.app.find_build(&fixture.actor, build).await.unwrap();
    assert!(detail.rows.resources.is_empty());
    assert!(query::builds::state(fixture.app.db().reader(), build).await.unwrap().is_some());
}

#[tokio::test]
async fn a_failure_keeps_its_state_and_a_clean_cancellation_is_no_failure() {
    let fixture = Fixture::new().await;
    let (workspace, build) = fixture.workspace().await;
    let (job, worker) = fixture.acquire().await;
    let failure = JobFailure { state: Some(b"half".to_vec()), ..JobFailure::new("it broke") };
    fixture.app.fail_job(job.id, worker, failure).await.unwrap();
    assert_eq!(fixture.job(job.id).await.error.as_deref(), Some("it broke"));
    assert!(query::builds::state(fixture.app.db().reader(), build).await.unwrap().is_some());

    let build = fixture.build(workspace, Transition::Start).await;
    let (job, worker) = fixture.acquire().await;
    fixture.app.cancel_build(&fixture.actor, build, None).await.unwrap();
    assert_eq!(fixture.app.job_heartbeat(job.id, worker).await.unwrap(), JobStatus::Canceling);
    let failure = JobFailure { canceled: true, ..JobFailure::new("interrupted") };
    fixture.app.fail_job(job.id, worker, failure).await.unwrap();
    let detail = fixture.app.find_build(&fixture.actor, build).await.unwrap();
    assert_eq!(detail.job.status, JobStatus::Canceled);
}

#[tokio::test]
async fn logs_are_read_in_order_from_any_place_and_only_their_worker_writes_them() {
    let fixture = Fixture::new().await;
    fixture.push().await;
    let (job, worker) = fixture.acquire().await;
    fixture.app.append_job_logs(job.id, worker, vec![line("one"), line("two")]).await.unwrap();
    fixture.app.append_job_logs(job.id, worker, vec![line("three")]).await.unwrap();
    let all = fixture.app.job_logs(job.id, 0).await.unwrap();
    assert_eq!(all.iter().map(|l| l.output.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
    let rest = fixture.app.job_logs(job.id, all[0].id).await.unwrap();
    assert_eq!(rest.len(), 2);
    let other = fixture.app.append_job_logs(job.id, RunnerId::new(), vec![line("x")]).await;
    assert!(matches!(other, Err(AppError::Conflict(_))));
}

#[tokio::test]
async fn jobs_of_a_server_that_is_gone_end_with_the_state_that_was_found() {
    let fixture = Fixture::new().await;
    let (workspace, build) = fixture.workspace().await;
    let (job, worker) = fixture.acquire().await;
    assert_eq!(fixture.app.begun_jobs().await.unwrap(), [(job.id, JobType::WorkspaceBuild)]);
    fixture.app.lose_job(job.id, "the server ended", Some(b"found")).await.unwrap();
    assert!(fixture.app.begun_jobs().await.unwrap().is_empty());
    let row = fixture.job(job.id).await;
    assert_eq!(row.error.as_deref(), Some("the server ended"));
    assert!(query::builds::state(fixture.app.db().reader(), build).await.unwrap().is_some());
    // What the dead worker still sends is refused, and the workspace can be built again.
    assert!(fixture.app.complete_job(job.id, worker, made(vec![])).await.is_err());
    fixture.build(workspace, Transition::Delete).await;
}

#[tokio::test]
async fn the_reaper_ends_silent_jobs_with_its_lines() {
    let fixture = Fixture::new().await;
    fixture.push().await;
    let (job, worker) = fixture.acquire().await;
    fixture.app.append_job_logs(job.id, worker, vec![line("last words")]).await.unwrap();
    assert_eq!(fixture.app.reap_jobs().await.unwrap(), 0);
    let long_ago = now() - TimeDelta::minutes(6);
    let row = fixture.job(job.id).await;
    let silent = query::jobs::Progress { updated_at: long_ago, ..progress(&job_of(&row)) };
    fixture
        .app
        .db()
        .write(async |tx| query::jobs::set_progress(tx, job.id, silent.clone()).await)
        .await
        .unwrap();
    assert_eq!(fixture.app.reap_jobs().await.unwrap(), 1);
    assert!(fixture.job(job.id).await.error.unwrap().contains("terminated by the reaper"));
    let lines = fixture.app.job_logs(job.id, 0).await.unwrap();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[3].stage, "Planning Infrastructure");
}
