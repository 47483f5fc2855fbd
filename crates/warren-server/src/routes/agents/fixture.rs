//! A workspace with one agent, written straight into the database: no provisioner runs here.

use std::path::Path;

use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;
use warren_app::{
    App, Origin,
    identity::{FirstUser, hash_agent_token},
    now,
    replicas::{Introduction, Pace, Registry},
};
use warren_db::{
    DbError, Tx,
    entity::{
        files, provisioner_jobs, template_versions, templates, workspace_agents, workspace_builds,
        workspace_resources, workspaces,
    },
};
use warren_db_testkit::TestDatabase;
use warren_rt::{Sealer, Tasks};
use warren_tunnel::TunnelNode;
use warren_vocab::{ReplicaId, WorkspaceId};

use crate::{
    agent_executable::AgentExecutable,
    config::ServerConfig,
    router::router,
    state::{AppState, Deployment},
};

/// Stands for the server's own executable, which is large in development.
pub(super) const PROGRAM: &str = "/bin/sh";

/// Address and password of the first user.
pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "SomeSecurePassword!";

/// A served router with its rows.
pub(crate) struct Fixture {
    pub(crate) app: App,
    pub(crate) tasks: Tasks,
    pub(crate) node: TunnelNode,
    pub(crate) url: Url,
    pub(crate) token: Uuid,
    pub(crate) session: String,
    pub(crate) agent: Uuid,
    workspace: Uuid,
    version: Uuid,
    file: Uuid,
    user: Uuid,
    organization: Uuid,
    pub(crate) database: TestDatabase,
}

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::new().await;
        let db = database.database();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let app = App::new(db, Sealer::from_key(&[7; 32]), url.clone());
        let first = FirstUser {
            email: EMAIL.into(),
            username: "ada".into(),
            name: String::new(),
            password: PASSWORD.into(),
        };
        let (user, organization) = app.create_first_user(&Origin::system("test"), first).await.unwrap();
        let session =
            app.login(&Origin::system("test"), EMAIL, PASSWORD.into()).await.unwrap().token.into_exposed();
        let tasks = Tasks::new();
        let state = state(app.clone(), &tasks, &url, database.directory()).await;
        let node = state.node.clone();
        let routes = router(state);
        let stopped = tasks.token().cancelled_owned();
        tasks.spawn_graceful("http", async move {
            axum::serve(listener, routes).with_graceful_shutdown(stopped).await
        });
        let id = Uuid::new_v4;
        let fixture = Fixture {
            app,
            tasks,
            node,
            url,
            token: id(),
            session,
            agent: id(),
            workspace: id(),
            version: id(),
            file: id(),
            user: user.as_uuid(),
            organization: organization.as_uuid(),
            database,
        };
        fixture.add_rows().await;
        fixture
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        WorkspaceId::from_uuid(self.workspace)
    }

    async fn add_rows(&self) {
        let (template, import) = (Uuid::new_v4(), Uuid::new_v4());
        let (at, user, organization) = (now(), self.user, self.organization);
        let file = files::Model {
            id: self.file,
            hash: "00".into(),
            created_by: user,
            mimetype: "application/x-tar".into(),
            data: vec![],
            created_at: at,
        };
        let row = templates::Model {
            id: template,
            organization_id: organization,
            created_by: user,
            created_at: at,
            updated_at: at,
            deleted: false,
            name: "t".into(),
            display_name: String::new(),
            description: String::new(),
            icon: String::new(),
            provisioner: "terraform".into(),
            active_version_id: self.version,
            default_ttl_ms: 0,
            activity_bump_ms: 0,
            failure_ttl_ms: 0,
            time_til_dormant_ms: 0,
            time_til_dormant_autodelete_ms: 0,
            allow_user_autostart: true,
            allow_user_autostop: true,
            allow_user_cancel_workspace_jobs: true,
            require_active_version: false,
            deprecation_message: String::new(),
            max_port_share_level: "owner".into(),
            cors_behavior: "simple".into(),
            use_classic_parameter_flow: false,
        };
        let version = template_versions::Model {
            id: self.version,
            template_id: Some(template),
            organization_id: organization,
            created_by: user,
            job_id: import,
            created_at: at,
            updated_at: at,
            name: "v".into(),
            message: String::new(),
            readme: String::new(),
            archived: false,
        };
        let workspace = workspaces::Model {
            id: self.workspace,
            owner_id: user,
            organization_id: organization,
            template_id: template,
            name: "lab".into(),
            created_at: at,
            updated_at: at,
            deleted: false,
            autostart_schedule: None,
            ttl_ms: None,
            last_used_at: at,
            dormant_at: None,
            deleting_at: None,
            next_start_at: None,
            automatic_updates: "never".into(),
            favorite: false,
        };
        let write = async |tx: &Tx| {
            files::Entity::insert(file.into_active_model()).exec_without_returning(tx).await?;
            templates::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            let job = self.job(import);
            provisioner_jobs::Entity::insert(job.into_active_model()).exec_without_returning(tx).await?;
            template_versions::Entity::insert(version.into_active_model()).exec_without_returning(tx).await?;
            workspaces::Entity::insert(workspace.into_active_model()).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        };
        self.app.db().write(write).await.unwrap();
        let job = self.add_build(1).await;
        self.add_agent(job).await;
    }

    pub(crate) async fn add_build(&self, build_number: i32) -> Uuid {
        let job = Uuid::new_v4();
        let at = now();
        let build = workspace_builds::Model {
            id: Uuid::new_v4(),
            workspace_id: self.workspace,
            template_version_id: self.version,
            job_id: job,
            initiator_id: self.user,
            build_number,
            transition: "start".into(),
            reason: "initiator".into(),
            created_at: at,
            updated_at: at,
            deadline: None,
            max_deadline: None,
            daily_cost: 0,
        };
        let write = async |tx: &Tx| {
            provisioner_jobs::Entity::insert(self.job(job).into_active_model())
                .exec_without_returning(tx)
                .await?;
            workspace_builds::Entity::insert(build.into_active_model()).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        };
        self.app.db().write(write).await.unwrap();
        job
    }

    async fn add_agent(&self, job: Uuid) {
        let at = now();
        let resource = workspace_resources::Model {
            id: Uuid::new_v4(),
            job_id: job,
            created_at: at,
            transition: "start".into(),
            type_: "terraform_data".into(),
            name: "r".into(),
            hide: false,
            icon: String::new(),
            daily_cost: 0,
            instance_type: None,
        };
        let agent = workspace_agents::Model {
            id: self.agent,
            resource_id: resource.id,
            parent_id: None,
            name: "main".into(),
            token_hash: hash_agent_token(self.token),
            auth_instance_id: None,
            created_at: at,
            updated_at: at,
            first_connected_at: None,
            last_connected_at: None,
            disconnected_at: None,
            architecture: "amd64".into(),
            operating_system: "linux".into(),
            directory: String::new(),
            expanded_directory: String::new(),
            environment_variables: json!({"FROM_TEMPLATE": "yes"}),
            version: String::new(),
            api_version: String::new(),
            connection_timeout_seconds: 120,
            troubleshooting_url: String::new(),
            motd_file: String::new(),
            lifecycle_state: "created".into(),
            started_at: None,
            ready_at: None,
            display_apps: json!(["web_terminal"]),
            subsystems: json!([]),
            display_order: 0,
            logs_length: 0,
            logs_overflowed: false,
        };
        let write = async |tx: &Tx| {
            workspace_resources::Entity::insert(resource.into_active_model())
                .exec_without_returning(tx)
                .await?;
            workspace_agents::Entity::insert(agent.into_active_model()).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        };
        self.app.db().write(write).await.unwrap();
    }

    /// Enters a workspace build that a worker has begun, and ended or not.
    pub(crate) async fn add_begun_job(&self, is_over: bool) {
        let job = provisioner_jobs::Model {
            started_at: Some(now()),
            completed_at: is_over.then(now),
            ..self.job(Uuid::new_v4())
        };
        let write = async |tx: &Tx| {
            provisioner_jobs::Entity::insert(job.into_active_model()).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        };
        self.app.db().write(write).await.unwrap();
    }

    fn job(&self, id: Uuid) -> provisioner_jobs::Model {
        provisioner_jobs::Model {
            id,
            organization_id: self.organization,
            initiator_id: self.user,
            provisioner: "terraform".into(),
            storage_method: "file".into(),
            file_id: self.file,
            type_: "workspace_build".into(),
            input: json!({}),
            tags: json!({}),
            created_at: now(),
            updated_at: now(),
            started_at: None,
            canceled_at: None,
            completed_at: None,
            error: None,
            error_code: None,
            worker_id: None,
            logs_length: 0,
            logs_overflowed: false,
        }
    }
}

async fn state(app: App, tasks: &Tasks, url: &Url, dir: &Path) -> AppState {
    let mut config = ServerConfig::in_dir(dir);
    config.http.access_url = Some(url.clone());
    let deployment = Deployment { id: Uuid::nil(), access_url: url.clone() };
    let introduction = Introduction { id: ReplicaId::new(), relay_address: None, version: String::new() };
    let registry = Registry::start(app.db().clone(), introduction, Pace::default(), tasks).await.unwrap();
    AppState::start(app, registry, config, deployment, AgentExecutable::at(Path::new(PROGRAM)), tasks)
        .unwrap()
}
