use serde_json::json;
use warren_app::{
    AppError,
    builds::NewBuild,
    workspaces::{NewWorkspace, Source, WorkspaceSearch},
};
use warren_db::{DbError, Notice, channels, entity::template_version_parameters, query};
use warren_vocab::{BuildId, BuildReason, JobStatus, Transition, WorkspaceId, WorkspaceStatus};

use crate::support::{Deployment, job_of};

#[tokio::test]
async fn a_workspace_is_made_with_its_first_build() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    let mut jobs = world.app.db().subscribe(channels::JOBS);
    let made = world.workspace(&world.member, template, "dev").await.unwrap();
    assert_eq!(made.build.build.build_number, 1);
    assert_eq!(made.build.status(), WorkspaceStatus::Pending);
    assert_eq!(jobs.next().await, Some(Notice::Hint(json!(made.build.job.row.id))));
    let input = &made.build.job.row.input;
    assert_eq!(input, &json!({"workspace_build_id": made.build.build.id}));
    world.start_job(job_of(&made.build)).await;
    let id = WorkspaceId::from_uuid(made.workspace.id);
    assert_eq!(
        world.app.find_workspace(&world.member, id, false).await.unwrap().build.status(),
        WorkspaceStatus::Starting
    );
    world.end_job(job_of(&made.build), None).await;
    assert_eq!(
        world.app.find_workspace(&world.member, id, false).await.unwrap().build.status(),
        WorkspaceStatus::Running
    );
}

#[tokio::test]
async fn names_are_taken_per_owner_whatever_the_case() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    world.workspace(&world.member, template, "dev").await.unwrap();
    let taken = world.workspace(&world.member, template, "DEV").await;
    let Err(AppError::Conflict(why)) = taken else { panic!("{taken:?}") };
    assert_eq!(why.validations[0].field, "name");
    world.workspace(&world.owner, template, "dev").await.unwrap();
    assert!(matches!(world.workspace(&world.owner, template, "a b").await, Err(AppError::Invalid(_))));
}

#[tokio::test]
async fn nothing_is_built_from_a_version_that_is_not_imported() {
    let world = Deployment::new().await;
    let (version, job) = world.version(None).await;
    let detail = world.app.create_template(&world.owner, world.new_template("go", version)).await.unwrap();
    let template = warren_vocab::TemplateId::from_uuid(detail.template.id);
    assert!(matches!(world.workspace(&world.owner, template, "dev").await, Err(AppError::NotReady(_))));
    world.end_job(job, Some("line 3: bad")).await;
    let Err(AppError::Invalid(why)) = world.workspace(&world.owner, template, "dev").await else { panic!() };
    assert_eq!(why.detail.as_deref(), Some("line 3: bad"));
    let (all, count) = world
        .app
        .list_workspaces(&world.owner, WorkspaceSearch::default(), query::Page::default())
        .await
        .unwrap();
    assert!(all.is_empty() && count == 0, "a refused creation leaves nothing behind");
}

#[tokio::test]
async fn one_build_at_a_time_and_the_state_goes_on_to_the_next() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    let made = world.workspace(&world.member, template, "dev").await.unwrap();
    let id = WorkspaceId::from_uuid(made.workspace.id);
    let build = async |transition| world.app.create_build(&world.member, id, NewBuild::of(transition)).await;
    assert!(matches!(build(Transition::Stop).await, Err(AppError::Conflict(_))));
    let first = BuildId::from_uuid(made.build.build.id);
    let stored = world.app.db().write(async |tx| query::builds::set_state(tx, first, vec![1, 2]).await);
    stored.await.unwrap();
    world.end_job(job_of(&made.build), None).await;

    let stop = build(Transition::Stop).await.unwrap();
    assert_eq!((stop.build.build_number, stop.job.status), (2, JobStatus::Pending));
    let state =
        query::builds::state(world.app.db().reader(), BuildId::from_uuid(stop.build.id)).await.unwrap();
    assert_eq!(state, Some(vec![1, 2]));
    world.end_job(job_of(&stop), Some("broken")).await;
    let delete = build(Transition::Delete).await.unwrap();
    world.end_job(job_of(&delete), None).await;
    world
        .app
        .db()
        .write(async |tx| query::workspaces::mark_deleted(tx, id, warren_app::now()).await)
        .await
        .unwrap();
    assert!(matches!(build(Transition::Start).await, Err(AppError::Conflict(_))));
    assert!(matches!(world.app.find_workspace(&world.member, id, false).await, Err(AppError::Gone(_))));
    let gone = world.app.find_workspace(&world.member, id, true).await.unwrap();
    assert_eq!(gone.build.status(), WorkspaceStatus::Deleted);
    world.workspace(&world.member, template, "dev").await.expect("the name is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_builds_exactly_one_is_made() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    let made = world.workspace(&world.member, template, "dev").await.unwrap();
    world.end_job(job_of(&made.build), None).await;
    let id = WorkspaceId::from_uuid(made.workspace.id);
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (app, actor) = (world.app.clone(), world.member.clone());
        attempts
            .spawn(async move { app.create_build(&actor, id, NewBuild::of(Transition::Stop)).await.is_ok() });
    }
    let made = attempts.join_all().await.into_iter().filter(|made| *made).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn other_peoples_workspaces_do_not_exist() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    let foreign = world.workspace(&world.owner, template, "secret").await.unwrap();
    world.workspace(&world.member, template, "mine").await.unwrap();
    let id = WorkspaceId::from_uuid(foreign.workspace.id);
    assert!(matches!(world.app.find_workspace(&world.member, id, false).await, Err(AppError::NotFound)));
    let build = BuildId::from_uuid(foreign.build.build.id);
    assert!(matches!(world.app.find_build(&world.member, build).await, Err(AppError::NotFound)));
    let stop = world.app.create_build(&world.member, id, NewBuild::of(Transition::Stop)).await;
    assert!(matches!(stop, Err(AppError::NotFound)));
    let list =
        async |actor, search| world.app.list_workspaces(actor, search, query::Page::default()).await.unwrap();
    let (seen, count) = list(&world.member, WorkspaceSearch::default()).await;
    assert_eq!((seen.len(), count, seen[0].workspace.name.as_str()), (1, 1, "mine"));
    let by_owner = WorkspaceSearch { owner: Some(String::from("ada")), ..WorkspaceSearch::default() };
    assert_eq!(list(&world.member, by_owner.clone()).await.1, 0);
    assert_eq!(list(&world.owner, by_owner).await.1, 1);
    assert_eq!(list(&world.owner, WorkspaceSearch::default()).await.1, 2);
    let by_name = WorkspaceSearch { name_part: Some(String::from("INE")), ..WorkspaceSearch::default() };
    assert_eq!(list(&world.owner, by_name).await.1, 1);
}

#[tokio::test]
async fn cancelling_follows_the_template_and_the_expected_status() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    let made = world.workspace(&world.member, template, "dev").await.unwrap();
    let build = BuildId::from_uuid(made.build.build.id);
    world.start_job(job_of(&made.build)).await;
    let cancel = async |actor, expected| world.app.cancel_build(actor, build, expected).await;
    assert!(matches!(cancel(&world.member, None).await, Err(AppError::Forbidden(_))));
    assert!(matches!(cancel(&world.member, Some(JobStatus::Pending)).await, Err(AppError::Precondition(_))));
    cancel(&world.owner, None).await.unwrap();
    assert_eq!(world.app.find_build(&world.owner, build).await.unwrap().job.status, JobStatus::Canceling);
    assert!(matches!(cancel(&world.owner, None).await, Err(AppError::Invalid(_))));
}

#[tokio::test]
async fn parameter_values_are_checked_and_kept() {
    let world = Deployment::new().await;
    let (template, version) = world.template("go").await;
    world.declare(region(version.as_uuid())).await;
    let new = |value: &str, name: &str| NewWorkspace {
        source: Source::Template(template),
        name: name.to_owned(),
        autostart_schedule: None,
        ttl_ms: None,
        parameters: [(String::from("region"), value.to_owned())].into(),
        reason: BuildReason::Cli,
    };
    let user = &world.member.user;
    let refused = world.app.create_workspace(&world.member, user, new("mars", "dev")).await;
    let Err(AppError::Invalid(why)) = refused else { panic!("{refused:?}") };
    assert_eq!(why.validations[0].field, "region");
    let made = world.app.create_workspace(&world.member, user, new("eu", "dev")).await.unwrap();
    world.end_job(job_of(&made.build), None).await;
    let id = WorkspaceId::from_uuid(made.workspace.id);
    let stop = world.app.create_build(&world.member, id, NewBuild::of(Transition::Stop)).await.unwrap();
    let values = world.app.build_parameters(&world.member, BuildId::from_uuid(stop.build.id)).await.unwrap();
    assert_eq!(values.iter().map(|row| row.value.as_str()).collect::<Vec<_>>(), ["eu"]);
}

#[tokio::test]
async fn a_failed_transaction_publishes_no_job() {
    let world = Deployment::new().await;
    let mut jobs = world.app.db().subscribe(channels::JOBS);
    let failed: Result<(), DbError> = world
        .app
        .db()
        .write(async |tx| {
            tx.notify(channels::JOBS, json!("never"));
            Err(DbError::Busy)
        })
        .await;
    assert!(failed.is_err());
    let (_, job) = world.version(None).await;
    assert_eq!(jobs.next().await, Some(Notice::Hint(json!(job.as_uuid()))));
}

fn region(version: uuid::Uuid) -> template_version_parameters::Model {
    template_version_parameters::Model {
        template_version_id: version,
        name: String::from("region"),
        display_name: String::new(),
        description: String::new(),
        type_: String::from("string"),
        form_type: String::new(),
        mutable: false,
        default_value: String::new(),
        icon: String::new(),
        options: json!([{"name": "Europe", "value": "eu"}, {"name": "America", "value": "us"}]),
        validation_regex: String::new(),
        validation_error: String::new(),
        validation_min: None,
        validation_max: None,
        validation_monotonic: String::new(),
        required: true,
        ephemeral: false,
        display_order: 0,
    }
}
