//! Putting together what a provisioner needs for a job.

use warren_build_proto::{
    AgentScripts, BuildRequest, ImportRequest, JobRequest, NamedValue, OwnerMetadata, RoleMetadata,
    SecretText, TemplateMetadata, WorkspaceIdentity, WorkspaceMetadata,
};
use warren_db::{
    DbError,
    entity::{provisioner_jobs, template_versions, users, workspace_builds, workspaces},
    query,
};
use warren_vocab::{BuildId, FileId, JobId, TemplateId, TemplateVersionId, Transition, UserId, WorkspaceId};

use crate::{
    App, actor,
    agents::init_script::agent_scripts,
    details::transition,
    error::AppResult,
    job_input::{JobInput, VariableValue},
};

impl App {
    /// Reads everything that a job's row refers to.
    pub(super) async fn job_request(&self, row: &provisioner_jobs::Model) -> AppResult<JobRequest> {
        let input = JobInput::from_stored(&row.input)?;
        let file = query::files::by_id(self.db().reader(), FileId::from_uuid(row.file_id)).await?;
        let archive = file.ok_or(DbError::NotFound { what: "file of the template" })?.data;
        if let Some(build) = input.workspace_build_id {
            return Ok(JobRequest::Build(self.build_request(row, build, archive).await?));
        }
        Ok(JobRequest::Import(ImportRequest {
            job: row.id,
            archive,
            variables: input.variables(self.sealer())?.into_iter().map(variable).collect(),
            metadata: self.metadata(Transition::Start, None, None, OwnerMetadata::default()),
        }))
    }

    async fn build_request(
        &self,
        row: &provisioner_jobs::Model,
        id: BuildId,
        archive: Vec<u8>,
    ) -> AppResult<BuildRequest> {
        let reader = self.db().reader();
        let build = query::builds::by_id(reader, id).await?.ok_or(DbError::NotFound { what: "build" })?;
        let workspace_id = WorkspaceId::from_uuid(build.workspace_id);
        let workspace = query::workspaces::by_id(reader, workspace_id).await?;
        let workspace = workspace.ok_or(DbError::NotFound { what: "workspace" })?;
        let version = TemplateVersionId::from_uuid(build.template_version_id);
        let version = query::template_versions::by_id(reader, version).await?;
        let version = version.ok_or(DbError::NotFound { what: "template version" })?;
        let previous = match build.build_number {
            ..=1 => None,
            number => query::builds::by_number(reader, workspace_id, number - 1).await?,
        };
        let previous_parameters = match previous {
            Some(previous) => self.parameters_of(BuildId::from_uuid(previous.id)).await?,
            None => Vec::new(),
        };
        let metadata = self.build_metadata(&build, &workspace, &version).await?;
        Ok(BuildRequest {
            job: row.id,
            archive,
            state: self.opened_state(id).await?,
            variables: self.import_variables(&version).await?,
            parameters: self.parameters_of(id).await?,
            previous_parameters,
            metadata,
        })
    }

    async fn build_metadata(
        &self,
        build: &workspace_builds::Model,
        workspace: &workspaces::Model,
        version: &template_versions::Model,
    ) -> AppResult<WorkspaceMetadata> {
        let reader = self.db().reader();
        let template = query::templates::by_ids(reader, &[workspace.template_id]).await?.pop();
        let template = template.ok_or(DbError::NotFound { what: "template" })?;
        let owner = query::users::by_id(reader, UserId::from_uuid(workspace.owner_id)).await?;
        let owner = owner.ok_or(DbError::NotFound { what: "owner of the workspace" })?;
        let identity = WorkspaceIdentity {
            id: WorkspaceId::from_uuid(workspace.id),
            name: workspace.name.clone(),
            build: BuildId::from_uuid(build.id),
        };
        let template = TemplateMetadata {
            id: TemplateId::from_uuid(template.id),
            name: template.name,
            version: version.name.clone(),
        };
        Ok(self.metadata(transition(build)?, Some(identity), Some(template), owner_metadata(&owner)))
    }

    fn metadata(
        &self,
        transition: Transition,
        workspace: Option<WorkspaceIdentity>,
        template: Option<TemplateMetadata>,
        owner: OwnerMetadata,
    ) -> WorkspaceMetadata {
        WorkspaceMetadata {
            access_url: self.access_url().to_string(),
            transition,
            workspace,
            template,
            owner,
            agent_scripts: AgentScripts(agent_scripts()),
        }
    }

    async fn opened_state(&self, build: BuildId) -> AppResult<Vec<u8>> {
        let sealed = query::builds::state(self.db().reader(), build).await?;
        match sealed.filter(|sealed| !sealed.is_empty()) {
            Some(sealed) => Ok(self.sealer().open(&sealed)?),
            None => Ok(Vec::new()),
        }
    }

    async fn parameters_of(&self, build: BuildId) -> AppResult<Vec<NamedValue>> {
        let rows = query::builds::parameters(self.db().reader(), build).await?;
        Ok(rows
            .into_iter()
            .map(|row| NamedValue { name: row.name, value: SecretText::new(row.value) })
            .collect())
    }

    /// The variable values that the version was imported with.
    async fn import_variables(&self, version: &template_versions::Model) -> AppResult<Vec<NamedValue>> {
        let job = query::job_rows::by_id(self.db().reader(), JobId::from_uuid(version.job_id)).await?;
        let job = job.ok_or(DbError::NotFound { what: "import job" })?;
        let values = JobInput::from_stored(&job.input)?.variables(self.sealer())?;
        Ok(values.into_iter().map(variable).collect())
    }
}

fn variable(value: VariableValue) -> NamedValue {
    NamedValue { name: value.name, value: SecretText::new(value.value) }
}

fn owner_metadata(owner: &users::Model) -> OwnerMetadata {
    let role = |name: &str| RoleMetadata { name: name.to_owned(), org_id: String::new() };
    OwnerMetadata {
        id: Some(UserId::from_uuid(owner.id)),
        name: owner.username.clone(),
        full_name: owner.name.clone(),
        email: owner.email.clone(),
        login_type: owner.login_type.clone(),
        groups: vec!["Everyone".to_owned()],
        roles: actor::names(&owner.roles).map(role).collect(),
        ..OwnerMetadata::default()
    }
}
