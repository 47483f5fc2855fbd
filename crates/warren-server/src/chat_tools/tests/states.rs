//! What the tools say to each state that a chat's workspace, its build and its agent can be in.

use warren_app::builds::NewBuild;
use warren_db::entity::workspace_agents;
use warren_vocab::Transition;

use super::*;

/// The job of a build as its row tells it.
#[derive(Clone, Copy)]
enum Job {
    Pending,
    Running,
    Done,
    Failed,
    Canceling,
    Canceled,
}

impl Stage {
    /// Puts the builds of all workspaces into a state.
    async fn set_build(&self, transition: &str, job: Job) {
        use provisioner_jobs::Column as C;
        self.set_transition(transition).await;
        let now = Some(warren_app::now());
        let (started, canceled, completed, error) = match job {
            Job::Pending => (None, None, None, None),
            Job::Running => (now, None, None, None),
            Job::Done => (now, None, now, None),
            Job::Failed => (now, None, now, Some("no space left")),
            Job::Canceling => (now, now, None, None),
            Job::Canceled => (now, now, now, None),
        };
        let update = provisioner_jobs::Entity::update_many()
            .col_expr(C::StartedAt, Expr::value(started))
            .col_expr(C::CanceledAt, Expr::value(canceled))
            .col_expr(C::CompletedAt, Expr::value(completed))
            .col_expr(C::Error, Expr::value(error))
            .filter(C::Type.eq("workspace_build"));
        let write = async |tx: &Tx| Ok::<_, DbError>(update.exec(tx).await.map(drop)?);
        self.fixture.app.db().write(write).await.unwrap();
    }

    /// Lets the agent have been seen last so long ago.
    async fn set_agent_away(&self, seconds: i64) {
        use workspace_agents::Column as C;
        let at = Some(warren_app::now() - chrono::TimeDelta::seconds(seconds));
        let update = workspace_agents::Entity::update_many()
            .col_expr(C::FirstConnectedAt, Expr::value(at))
            .col_expr(C::LastConnectedAt, Expr::value(at))
            .col_expr(C::DisconnectedAt, Expr::value(at));
        let write = async |tx: &Tx| Ok::<_, DbError>(update.exec(tx).await.map(drop)?);
        self.fixture.app.db().write(write).await.unwrap();
    }

    async fn make(
        &self,
        context: &ToolContext,
        template: TemplateId,
        name: Option<&str>,
    ) -> Result<Value, ToolError> {
        let seen = Seen::default();
        self.tools.create_workspace(context, create(template, name), &seen).await
    }

    async fn execute_code(&self, context: &ToolContext) -> String {
        let execute =
            Execute { command: "true".into(), timeout: None, workdir: None, run_in_background: false };
        let refused = self.tools.execute(context, execute, &Seen::default()).await;
        let ToolOutcome::Result(Err(error)) = refused else { panic!("{refused:?}") };
        assert!(error.message.ends_with('.'), "{error}");
        error.fields["error_code"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a_workspace_that_cannot_be_used_is_told_at_once_with_what_to_do() {
    let stage = Stage::new().await;
    let context = stage.context(Some(stage.fixture.workspace()));
    for (transition, job, code) in [
        ("start", Job::Pending, "workspace_starting"),
        ("start", Job::Running, "workspace_starting"),
        ("start", Job::Failed, "workspace_stopped"),
        ("start", Job::Canceling, "workspace_stopped"),
        ("start", Job::Canceled, "workspace_stopped"),
        ("stop", Job::Running, "workspace_stopped"),
        ("stop", Job::Done, "workspace_stopped"),
        ("delete", Job::Running, "workspace_deleted"),
        ("delete", Job::Done, "workspace_deleted"),
    ] {
        stage.set_build(transition, job).await;
        let began = Instant::now();
        assert_eq!(stage.execute_code(&context).await, code, "{transition}");
        assert!(began.elapsed() < DEADLINE, "nobody is dialled");
    }
    stage.set_build("start", Job::Done).await;
    stage.set_agent_away(600).await;
    assert_eq!(stage.execute_code(&context).await, "agent_disconnected");
    let gone = stage.context(Some(WorkspaceId::new()));
    assert_eq!(stage.execute_code(&gone).await, "not_found");
}

#[tokio::test]
async fn a_workspace_on_its_way_is_waited_for_and_no_other_is_made() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    let first = stage.context(None);
    let (id, seen) = (first.new_workspace, Seen::default());
    let second = stage.context(Some(id));
    let before = stage.n_workspaces().await;
    let bound = async {
        // The second chat's call comes while the build of the first runs.
        while seen.attached().is_none() {
            tokio::task::yield_now().await;
        }
        let (kept, ()) = tokio::join!(
            stage.tools.create_workspace(&second, create(template, Some("other")), &seen),
            stage.bring_up(id)
        );
        kept
    };
    let (made, kept) =
        tokio::join!(stage.tools.create_workspace(&first, create(template, Some("one")), &seen), bound);
    assert_eq!(made.unwrap()["created"], true);
    let kept = kept.unwrap();
    assert_eq!((&kept["created"], &kept["workspace_id"]), (&json!(false), &json!(id)));
    assert_eq!(kept["status"], "already_exists");
    assert_eq!(stage.n_workspaces().await, before + 1);
}

#[tokio::test]
async fn a_workspace_that_is_gone_or_whose_agent_is_dead_gives_way_to_a_new_one() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    let gone = stage.context(Some(WorkspaceId::new()));
    let (made, ()) = tokio::join!(stage.make(&gone, template, None), stage.bring_up(gone.new_workspace));
    let made = made.unwrap();
    assert_eq!((&made["created"], &made["workspace_id"]), (&json!(true), &json!(gone.new_workspace)));

    stage.set_agent_away(600).await;
    let dead = stage.context(Some(gone.new_workspace));
    let seen = Seen::default();
    let (made, ()) = tokio::join!(
        stage.tools.create_workspace(&dead, create(template, None), &seen),
        stage.bring_up(dead.new_workspace)
    );
    assert_eq!(made.unwrap()["created"], true);
    assert_eq!(seen.attached(), Some(dead.new_workspace), "the chat works in the new one");
}

#[tokio::test]
async fn an_agent_that_has_only_just_gone_is_not_given_up() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    let context = stage.context(None);
    let (made, ()) =
        tokio::join!(stage.make(&context, template, None), stage.bring_up(context.new_workspace));
    made.unwrap();
    stage.set_agent_away(30).await;
    let bound = stage.context(Some(context.new_workspace));
    let status = stage.tools.workspace_status(&bound).await.unwrap();
    assert_eq!(status["agent_status"], "disconnected");
    let before = stage.n_workspaces().await;
    let back = async {
        let detail =
            stage.fixture.app.find_workspace(&stage.actor, context.new_workspace, false).await.unwrap();
        let agent = AgentId::from_uuid(detail.build.rows.agents[0].id);
        let control = uuid::Uuid::new_v4();
        stage.fixture.app.agent_connected(agent, context.new_workspace, control, ("v", "1")).await.unwrap();
    };
    let (kept, ()) = tokio::join!(stage.make(&bound, template, None), back);
    assert_eq!(kept.unwrap()["created"], false, "it was waited for");
    assert_eq!(stage.n_workspaces().await, before);
}

#[tokio::test]
async fn a_build_that_somebody_cancels_ends_the_wait() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    let context = stage.context(None);
    let cancel = async {
        let (job, worker) = stage.next_job().await;
        let failure = JobFailure { message: "canceled".into(), code: None, state: None, canceled: true };
        stage.fixture.app.fail_job(job, worker, failure).await.unwrap();
    };
    let (made, ()) = tokio::join!(stage.make(&context, template, None), cancel);
    let error = made.unwrap_err();
    assert!(error.message.contains("cancel"), "{error}");
    assert_ne!(error.fields["error_code"], "timeout");
    let bound = stage.context(Some(context.new_workspace));
    let next = stage.make(&bound, template, None).await.unwrap();
    assert!(next["message"].as_str().unwrap().contains("start_workspace"), "{next}");
}

#[tokio::test]
async fn a_template_of_another_organization_is_refused() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    let context = ToolContext { organization: OrganizationId::new(), ..stage.context(None) };
    let before = stage.n_workspaces().await;
    let made = stage.make(&context, template, None).await;
    assert_eq!(made.unwrap_err().fields["error_code"], "forbidden");
    assert_eq!(
        stage.tools.read_template(&context, template).await.unwrap_err().fields["error_code"],
        "forbidden"
    );
    assert_eq!(stage.n_workspaces().await, before, "none was made");
    let unknown = TemplateId::new();
    let made = stage.make(&stage.context(None), unknown, None).await;
    assert_eq!(made.unwrap_err().fields["error_code"], "not_found");
}

#[tokio::test]
async fn a_name_that_no_workspace_can_have_is_told_with_what_to_do() {
    let stage = Stage::new().await;
    let template = stage.template("go").await;
    for name in ["a b", "-", "x".repeat(100).as_str(), "ä\0"] {
        let error = stage.make(&stage.context(None), template, Some(name)).await.unwrap_err();
        assert_eq!(error.fields["error_code"], "invalid", "{name:?}: {error}");
    }
    // Nothing but blanks is no name, so one is made.
    let context = stage.context(None);
    let (made, ()) =
        tokio::join!(stage.make(&context, template, Some("  ")), stage.bring_up(context.new_workspace));
    assert!(made.unwrap()["workspace_name"].as_str().unwrap().starts_with("go-"));
}

/// Fails the next job, as a provisioner does.
async fn fail_next(stage: &Stage) {
    let (job, worker) = stage.next_job().await;
    let failure = JobFailure { message: "no space left".into(), code: None, state: None, canceled: false };
    stage.fixture.app.fail_job(job, worker, failure).await.unwrap();
}

async fn n_builds(stage: &Stage, id: WorkspaceId) -> usize {
    let page = Page { limit: 0, offset: 0 };
    stage.fixture.app.list_builds(&stage.actor, id, None, page).await.unwrap().len()
}

#[tokio::test]
async fn a_start_that_runs_again_after_a_crash_makes_no_second_build() {
    let stage = Stage::new().await;
    let id = stage.fixture.workspace();
    stage.set_transition("stop").await;
    let before = n_builds(&stage, id).await;
    let context = stage.context(Some(id));
    let start =
        || async { stage.tools.start_workspace(&context, StartWorkspace::default(), &Seen::default()).await };
    // The build that was made fails while no server waits for it.
    let (_, ()) = tokio::join!(start(), fail_next(&stage));
    let again = start().await.unwrap_err();
    assert_eq!(again.fields["error_code"], "build_failed");
    assert_eq!(again.fields["build_id"], json!(context.new_build));
    assert_eq!(n_builds(&stage, id).await, before + 1);
    // The next call is one of its own.
    let next = stage.context(Some(id));
    let seen = Seen::default();
    let (started, ()) = tokio::join!(
        stage.tools.start_workspace(&next, StartWorkspace::default(), &seen),
        stage.bring_up(id)
    );
    assert_eq!(started.unwrap()["build_id"], json!(next.new_build));
    let again = stage.tools.start_workspace(&next, StartWorkspace::default(), &seen).await;
    assert_eq!(again.unwrap()["started"], true, "this call has started it");
    assert_eq!(n_builds(&stage, id).await, before + 2);
}

#[tokio::test]
async fn a_stop_that_runs_again_after_a_crash_makes_no_second_build() {
    let stage = Stage::new().await;
    let id = stage.fixture.workspace();
    let before = n_builds(&stage, id).await;
    let context = stage.context(Some(id));
    let stop = || async { stage.tools.stop_workspace(&context, &Seen::default()).await };
    let (_, ()) = tokio::join!(stop(), fail_next(&stage));
    let again = stop().await.unwrap_err();
    assert_eq!(again.fields["error_code"], "build_failed");
    assert_eq!(n_builds(&stage, id).await, before + 1);
    let next = stage.context(Some(id));
    let stopping = async {
        stage.provision(JobOutcome::Build(BuildOutcome { state: Vec::new(), resources: Vec::new() })).await;
    };
    let seen = Seen::default();
    let (stopped, ()) = tokio::join!(stage.tools.stop_workspace(&next, &seen), stopping);
    assert_eq!(stopped.unwrap()["build_id"], json!(next.new_build));
    // Somebody starts it again before the call runs a second time.
    let start = NewBuild::of(Transition::Start);
    stage.fixture.app.create_build(&stage.actor, id, start).await.unwrap();
    stage.bring_up(id).await;
    let again = stage.tools.stop_workspace(&next, &Seen::default()).await.unwrap();
    assert_eq!((&again["stopped"], &again["build_id"]), (&json!(true), &json!(next.new_build)));
    assert_eq!(n_builds(&stage, id).await, before + 3);
}
