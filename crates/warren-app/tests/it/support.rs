//! A deployment with an owner, a member and helpers that play the provisioner.

use bytes::Bytes;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;
use warren_app::{
    Actor, App, AppResult, Origin,
    details::{BuildDetail, WorkspaceDetail},
    identity::FirstUser,
    now,
    template_versions::NewVersion,
    templates::NewTemplate,
    workspaces::{NewWorkspace, Source},
};
use warren_db::{
    DbError,
    entity::{organization_members, provisioner_jobs, template_version_parameters, users},
    query,
};
use warren_db_testkit::TestDatabase;
use warren_rt::Sealer;
use warren_vocab::{BuildReason, FileId, JobId, OrganizationId, TemplateId, TemplateVersionId, UserId};

pub(crate) struct Deployment {
    pub(crate) app: App,
    pub(crate) owner: Actor,
    pub(crate) member: Actor,
    pub(crate) organization: OrganizationId,
    _database: TestDatabase,
}

impl Deployment {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let app =
            App::new(database.database(), Sealer::from_key(&[7; 32]), "http://localhost/".parse().unwrap());
        let first = FirstUser {
            email: String::from("ada@example.com"),
            username: String::from("ada"),
            name: String::new(),
            password: String::from("SomeSecurePassword!"),
        };
        let (id, organization) = app.create_first_user(&Origin::system("test"), first).await.unwrap();
        let owner = app.actor(id).await.unwrap();
        let member = add_member(&app, organization, &owner).await;
        Self { app, owner, member, organization, _database: database }
    }

    pub(crate) async fn file(&self) -> FileId {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_cksum();
        archive.append_data(&mut header, "main.tf", &b"{}"[..]).unwrap();
        let data = Bytes::from(archive.into_inner().unwrap());
        self.app.upload_file(&self.owner, "application/x-tar", data).await.unwrap().0
    }

    pub(crate) async fn version(&self, template: Option<TemplateId>) -> (TemplateVersionId, JobId) {
        let new = NewVersion {
            organization: self.organization,
            template,
            name: String::new(),
            message: String::new(),
            file: self.file().await,
            tags: [].into(),
            variables: Vec::new(),
        };
        let detail = self.app.create_version(&self.owner, new).await.unwrap();
        (TemplateVersionId::from_uuid(detail.version.id), JobId::from_uuid(detail.job.row.id))
    }

    pub(crate) fn new_template(&self, name: &str, version: TemplateVersionId) -> NewTemplate {
        NewTemplate {
            organization: self.organization,
            version,
            name: name.to_owned(),
            display_name: String::new(),
            description: String::new(),
            icon: String::new(),
            default_ttl_ms: 0,
            allow_user_cancel_workspace_jobs: false,
        }
    }

    /// Makes a template whose version was imported.
    pub(crate) async fn template(&self, name: &str) -> (TemplateId, TemplateVersionId) {
        let (version, job) = self.version(None).await;
        self.end_job(job, None).await;
        let detail = self.app.create_template(&self.owner, self.new_template(name, version)).await.unwrap();
        (TemplateId::from_uuid(detail.template.id), version)
    }

    pub(crate) async fn workspace(
        &self,
        actor: &Actor,
        template: TemplateId,
        name: &str,
    ) -> AppResult<WorkspaceDetail> {
        let new = NewWorkspace {
            source: Source::Template(template),
            name: name.to_owned(),
            autostart_schedule: None,
            ttl_ms: None,
            parameters: [].into(),
            reason: BuildReason::Initiator,
        };
        self.app.create_workspace(actor, &actor.user, new).await
    }

    /// Plays the provisioner that takes the job.
    pub(crate) async fn start_job(&self, id: JobId) {
        self.change_job(id, |job| {
            job.started_at = Set(Some(now()));
            job.worker_id = Set(Some(Uuid::new_v4()));
        })
        .await;
    }

    /// Plays the provisioner that ends the job.
    pub(crate) async fn end_job(&self, id: JobId, error: Option<&str>) {
        let error = error.map(String::from);
        self.change_job(id, move |job| {
            job.started_at = Set(Some(now()));
            job.completed_at = Set(Some(now()));
            job.error = Set(error);
        })
        .await;
    }

    async fn change_job(&self, id: JobId, change: impl FnOnce(&mut provisioner_jobs::ActiveModel)) {
        self.app
            .db()
            .write(async |tx| {
                let row = provisioner_jobs::Entity::find_by_id(id.as_uuid()).one(tx).await?.unwrap();
                let mut row = row.into_active_model();
                change(&mut row);
                row.update(tx).await?;
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
    }

    /// Plays the import that found a parameter.
    pub(crate) async fn declare(&self, parameter: template_version_parameters::Model) {
        let row = parameter.into_active_model();
        let added = self.app.db().write(async |tx| {
            template_version_parameters::Entity::insert(row).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        });
        added.await.unwrap();
    }
}

/// The job of a build.
pub(crate) fn job_of(build: &BuildDetail) -> JobId {
    JobId::from_uuid(build.job.row.id)
}

async fn add_member(app: &App, organization: OrganizationId, like: &Actor) -> Actor {
    let id = Uuid::new_v4();
    let user = users::Model {
        id,
        email: String::from("bob@example.com"),
        username: String::from("bob"),
        roles: json!([]),
        ..like.user.clone()
    };
    let at = now();
    let member = organization_members::Model {
        organization_id: organization.as_uuid(),
        user_id: id,
        roles: json!([]),
        created_at: at,
        updated_at: at,
    };
    app.db()
        .write(async |tx| {
            query::users::insert(tx, user).await?;
            query::organizations::insert_member(tx, member).await
        })
        .await
        .unwrap();
    app.actor(UserId::from_uuid(id)).await.unwrap()
}
