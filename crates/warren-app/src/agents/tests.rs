use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;
use warren_db::Notice;
use warren_db::entity::{
    files, provisioner_jobs, template_versions, templates, workspace_builds, workspace_resources, workspaces,
};
use warren_db_testkit::TestDatabase;
use warren_rt::Sealer;
use warren_vocab::ReplicaId;

use super::{links::AgentLink, *};
use crate::{Origin, identity::FirstUser, now, workspaces::WorkspaceSearch};

#[tokio::test]
async fn a_report_that_arrives_twice_is_stored_once() {
    let fixture = Fixture::new().await;
    let boot = fixture.boot();
    fixture.app.store_agent_report(boot, 1, logs(&["one"])).await.unwrap();
    fixture.app.store_agent_report(boot, 1, logs(&["one"])).await.unwrap();
    fixture.app.store_agent_report(boot, 2, logs(&["two"])).await.unwrap();
    assert_eq!(fixture.lines().await, ["one", "two"]);
    assert_eq!(fixture.app.last_agent_report(boot).await.unwrap(), 2);
    let reborn = AgentBoot { boot: Uuid::new_v4(), ..boot };
    assert_eq!(
        fixture.app.last_agent_report(reborn).await.unwrap(),
        0,
        "a new process counts from the start"
    );
}

#[tokio::test]
async fn a_missing_report_is_refused_and_nothing_is_stored() {
    let fixture = Fixture::new().await;
    let error = fixture.app.store_agent_report(fixture.boot(), 2, logs(&["two"])).await.unwrap_err();
    assert!(error.to_string().contains("report 2 came after 0"), "{error}");
    assert!(fixture.lines().await.is_empty());
}

#[tokio::test]
async fn logs_stop_at_the_limit_with_a_last_line_that_says_so() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(LOG_BYTES_MAX / 2);
    fixture.app.store_agent_report(fixture.boot(), 1, logs(&[&long, &long, "too much"])).await.unwrap();
    fixture.app.store_agent_report(fixture.boot(), 2, logs(&["never seen"])).await.unwrap();
    let lines = fixture.lines().await;
    assert_eq!(lines.len(), 3);
    assert!(lines[2].contains("Output is cut here"), "{}", lines[2]);
    let agent = fixture.agent().await;
    assert!(agent.logs_overflowed);
    assert_eq!(agent.logs_length, 1 << 20);
}

#[tokio::test]
async fn states_set_the_times_that_follow_from_them() {
    let fixture = Fixture::new().await;
    let at = now();
    let state = |state| AgentReport::Lifecycle { state, changed_at: at };
    fixture.app.store_agent_report(fixture.boot(), 1, state(AgentLifecycle::Starting)).await.unwrap();
    let agent = fixture.agent().await;
    assert_eq!((agent.started_at, agent.ready_at), (Some(at), None));
    fixture.app.store_agent_report(fixture.boot(), 2, state(AgentLifecycle::StartError)).await.unwrap();
    let agent = fixture.agent().await;
    assert_eq!((agent.ready_at, agent.lifecycle_state.as_str()), (Some(at), "start_error"));
}

#[tokio::test]
async fn the_status_follows_connections_and_time() {
    let fixture = Fixture::new().await;
    let at = |seconds| now() + TimeDelta::seconds(seconds);
    assert_eq!(agent_status(&fixture.agent().await, at(0)), AgentStatus::Connecting);
    assert_eq!(agent_status(&fixture.agent().await, at(1000)), AgentStatus::Timeout);
    let owner = fixture.owner().await;
    let briefing = fixture.app.agent_briefing(owner.clone()).await.unwrap();
    fixture.connect().await;
    assert_eq!(briefing.owner_username, "ada");
    assert_eq!(agent_status(&fixture.agent().await, at(0)), AgentStatus::Connected);
    assert_eq!(
        agent_status(&fixture.agent().await, at(60)),
        AgentStatus::Disconnected,
        "nothing was heard of it"
    );
    fixture.disconnect(Uuid::from_u128(1)).await;
    assert_eq!(agent_status(&fixture.agent().await, at(0)), AgentStatus::Disconnected);
    fixture.connect().await;
    let again = fixture.app.agent_briefing(owner).await.unwrap();
    assert_eq!(again.host_key_seed, briefing.host_key_seed, "the host key stays the same");
    assert_eq!(agent_status(&fixture.agent().await, at(0)), AgentStatus::Connected);
}

#[tokio::test]
async fn a_server_whose_own_clock_is_wrong_knows_who_is_connected() {
    for minutes in [5, -5] {
        let fixture = Fixture::new().await;
        fixture.database.skew_clock(minutes).await;
        let Some(db) = fixture.database.second_handle().await else { return };
        let app = App::new(db, Sealer::from_key(&[7; 32]), "http://127.0.0.1:1/".parse().unwrap());
        let actor = app.actor(UserId::from_uuid(fixture.user)).await.unwrap();
        let has = async |status: &str| {
            let search = WorkspaceSearch::parse(&format!("has-agent:{status}"), "ada").unwrap();
            app.list_workspaces(&actor, search, query::Page::default()).await.unwrap().1 == 1
        };
        let boot = fixture.boot();
        app.agent_connected(boot.agent, boot.workspace, Uuid::from_u128(1), ("v1", "2.10")).await.unwrap();
        assert!(has("connected").await, "{minutes}");
        assert!(app.agent_seen(boot.agent).await.unwrap());
        assert!(has("connected").await, "{minutes}");
        let silent = app.now() - SILENCE_MAX - TimeDelta::seconds(1);
        app.db().write(async |tx| query::agents::seen(tx, boot.agent, silent).await).await.unwrap();
        assert!(has("disconnected").await, "{minutes}");
    }
}

#[tokio::test]
async fn the_end_of_a_connection_that_was_replaced_does_not_make_an_agent_disconnected() {
    let fixture = Fixture::new().await;
    let [old, new] = [1, 2].map(Uuid::from_u128);
    fixture.connect_by(old).await;
    fixture.connect_by(new).await;
    fixture.disconnect(old).await;
    assert_eq!(agent_status(&fixture.agent().await, now()), AgentStatus::Connected);
    fixture.disconnect(new).await;
    assert_eq!(agent_status(&fixture.agent().await, now()), AgentStatus::Disconnected);
}

#[tokio::test]
async fn the_newest_claim_of_an_agent_wins_and_older_ones_release_nothing() {
    let fixture = Fixture::new().await;
    let (app, agent) = (&fixture.app, fixture.boot().agent);
    let [one, two] = [1, 2].map(|n| ReplicaId::from_uuid(Uuid::from_u128(n)));
    let written = async || app.agent_links(&[agent]).await.unwrap();
    assert_eq!(written().await, []);
    let mut hints = app.agent_link_hints();
    let gone = AgentId::new();
    assert_eq!(app.claim_agents(one, &[agent, gone]).await.unwrap(), [(agent, 1)], "others do not exist");
    let hint = tokio::time::timeout(std::time::Duration::from_secs(60), hints.next()).await.unwrap();
    assert_eq!(hint, Some(Notice::Hint(json!({ "replica": one, "agents": [agent] }))));
    assert_eq!(app.claim_agents(two, &[agent]).await.unwrap(), [(agent, 2)]);
    app.release_agents(one, &[(agent, 1)]).await.unwrap();
    app.release_agents(two, &[(agent, 1)]).await.unwrap();
    let link = |replica, epoch| AgentLink { agent, replica, epoch };
    assert_eq!(written().await, [link(Some(two), 2)]);
    app.release_agents(two, &[(agent, 2)]).await.unwrap();
    assert_eq!(written().await, [link(None, 2)]);
    fixture.connect().await;
    assert_eq!(app.claim_agents(one, &[agent]).await.unwrap(), [(agent, 3)], "epochs never go back");
    assert_eq!(app.claim_agents(one, &[gone]).await.unwrap(), []);
}

#[tokio::test]
async fn an_agent_of_a_replaced_build_is_no_longer_current() {
    let fixture = Fixture::new().await;
    assert!(fixture.app.agent_seen(fixture.boot().agent).await.unwrap());
    fixture.add_build(2).await;
    assert!(!fixture.app.agent_seen(fixture.boot().agent).await.unwrap());
}

struct Fixture {
    app: App,
    agent: Uuid,
    workspace: Uuid,
    version: Uuid,
    file: Uuid,
    user: Uuid,
    organization: Uuid,
    database: TestDatabase,
}

impl Fixture {
    async fn new() -> Fixture {
        let database = TestDatabase::new().await;
        let app =
            App::new(database.database(), Sealer::from_key(&[7; 32]), "http://127.0.0.1:1/".parse().unwrap());
        let first = FirstUser {
            email: "ada@example.com".into(),
            username: "ada".into(),
            name: String::new(),
            password: "correct horse battery".into(),
        };
        let (user, organization) = app.create_first_user(&Origin::system("test"), first).await.unwrap();
        let id = Uuid::new_v4;
        let fixture = Fixture {
            app,
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
        let write = async |tx: &warren_db::Tx| {
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

    async fn add_build(&self, build_number: i32) -> Uuid {
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
        let write = async |tx: &warren_db::Tx| {
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
            token_hash: vec![1],
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
            environment_variables: json!({}),
            version: String::new(),
            api_version: String::new(),
            connection_timeout_seconds: 120,
            troubleshooting_url: String::new(),
            motd_file: String::new(),
            lifecycle_state: "created".into(),
            started_at: None,
            ready_at: None,
            display_apps: json!([]),
            subsystems: json!([]),
            display_order: 0,
            logs_length: 0,
            logs_overflowed: false,
        };
        let write = async |tx: &warren_db::Tx| {
            workspace_resources::Entity::insert(resource.into_active_model())
                .exec_without_returning(tx)
                .await?;
            workspace_agents::Entity::insert(agent.into_active_model()).exec_without_returning(tx).await?;
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

    fn boot(&self) -> AgentBoot {
        AgentBoot {
            agent: AgentId::from_uuid(self.agent),
            workspace: WorkspaceId::from_uuid(self.workspace),
            boot: Uuid::nil(),
        }
    }

    async fn connect(&self) {
        self.connect_by(Uuid::from_u128(1)).await;
    }

    async fn connect_by(&self, control: Uuid) {
        let boot = self.boot();
        self.app.agent_connected(boot.agent, boot.workspace, control, ("v1", "2.10")).await.unwrap();
    }

    async fn disconnect(&self, control: Uuid) {
        let boot = self.boot();
        self.app.agent_disconnected(boot.agent, boot.workspace, control).await.unwrap();
    }

    async fn agent(&self) -> workspace_agents::Model {
        query::agents::by_id(self.app.db().reader(), AgentId::from_uuid(self.agent)).await.unwrap().unwrap()
    }

    async fn owner(&self) -> AgentOwner {
        query::agent_tokens::owner_of(self.app.db().reader(), self.agent().await).await.unwrap().unwrap()
    }

    async fn lines(&self) -> Vec<String> {
        let lines = self.app.agent_logs(AgentId::from_uuid(self.agent), 0).await.unwrap();
        lines.into_iter().map(|line| line.output).collect()
    }
}

fn logs(lines: &[&str]) -> AgentReport {
    let line = |text: &&str| NewLog {
        source_id: LogSourceId::from_uuid(Uuid::nil()),
        created_at: now(),
        level: LogLevel::Info,
        output: (*text).to_owned(),
    };
    AgentReport::Logs { lines: lines.iter().map(line).collect(), truncated: false }
}
