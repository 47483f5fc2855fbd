use bytes::Bytes;
use warren_app::{AppError, templates::TemplateChange};
use warren_db::query::Page;
use warren_vocab::{JobStatus, TemplateVersionId};

use crate::support::Deployment;

#[tokio::test]
async fn the_same_archive_is_stored_once_and_others_are_refused() {
    let world = Deployment::new().await;
    let first = world.file().await;
    assert_eq!(world.file().await, first);
    for (mimetype, data) in
        [("application/zip", "PK"), ("application/x-tar", "not an archive"), ("application/x-tar", "")]
    {
        let refused =
            world.app.upload_file(&world.owner, mimetype, Bytes::from_static(data.as_bytes())).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{mimetype} {data:?}");
    }
    let hidden = world.app.download_file(&world.member, first).await;
    assert!(matches!(hidden, Err(AppError::NotFound)));
}

#[tokio::test]
async fn a_new_version_waits_in_the_queue() {
    let world = Deployment::new().await;
    let (first, _) = world.version(None).await;
    let (second, job) = world.version(None).await;
    let detail = world.app.find_version(&world.owner, second).await.unwrap();
    assert_eq!(detail.job.status, JobStatus::Pending);
    assert_eq!((detail.job.queue_position, detail.job.queue_size), (2, 2));
    assert_eq!(detail.job.row.tags, serde_json::json!({"scope": "organization", "owner": ""}));
    world.app.cancel_version(&world.owner, second).await.unwrap();
    let detail = world.app.find_version(&world.owner, second).await.unwrap();
    assert_eq!((detail.job.status, detail.job.queue_position), (JobStatus::Canceled, 0));
    assert!(matches!(world.app.cancel_version(&world.owner, second).await, Err(AppError::Invalid(_))));
    world.end_job(job, Some("late")).await;
    assert_eq!(world.app.find_version(&world.owner, first).await.unwrap().job.queue_size, 1);
}

#[tokio::test]
async fn a_template_adopts_its_version_and_keeps_its_name_to_itself() {
    let world = Deployment::new().await;
    let (template, version) = world.template("go").await;
    let again = world.app.create_template(&world.owner, world.new_template("other", version)).await;
    assert!(matches!(again, Err(AppError::Invalid(_))), "a version belongs to one template");
    let (fresh, _) = world.version(None).await;
    let taken = world.app.create_template(&world.owner, world.new_template("GO", fresh)).await;
    let Err(AppError::Conflict(why)) = taken else { panic!("{taken:?}") };
    assert_eq!(why.validations[0].field, "name");
    assert!(
        world.app.find_version(&world.owner, fresh).await.unwrap().version.template_id.is_none(),
        "rolled back"
    );

    let change = TemplateChange { description: Some(String::from("x")), ..TemplateChange::default() };
    let changed = world.app.update_template(&world.owner, template, change).await.unwrap();
    assert_eq!((changed.template.name.as_str(), changed.template.description.as_str()), ("go", "x"));
    let versions = world.app.list_versions(&world.member, template, false, Page::default()).await.unwrap();
    assert_eq!(versions.len(), 1);
}

#[tokio::test]
async fn members_use_templates_but_do_not_change_them() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    assert_eq!(world.app.list_templates(&world.member, None).await.unwrap().len(), 1);
    assert!(matches!(world.app.delete_template(&world.member, template).await, Err(AppError::Forbidden(_))));
    world.app.delete_template(&world.owner, template).await.unwrap();
    assert!(matches!(world.app.find_template(&world.owner, template).await, Err(AppError::NotFound)));
}

#[tokio::test]
async fn only_an_imported_version_of_the_template_becomes_active() {
    let world = Deployment::new().await;
    let (template, _) = world.template("go").await;
    let (pending, job) = world.version(Some(template)).await;
    let promote =
        async |version: TemplateVersionId| world.app.promote_version(&world.owner, template, version).await;
    assert!(matches!(promote(pending).await, Err(AppError::NotReady(_))));
    world.end_job(job, None).await;
    promote(pending).await.unwrap();
    let active = world.app.find_template(&world.owner, template).await.unwrap().template.active_version_id;
    assert_eq!(active, pending.as_uuid());
    let (_, foreign) = world.template("other").await;
    assert!(matches!(promote(foreign).await, Err(AppError::Invalid(_))));
}
