//! What a provisioner is asked to do.

use std::{collections::BTreeMap, fmt};

use uuid::Uuid;
use warren_vocab::{BuildId, TemplateId, Transition, UserId, WorkspaceId};

/// A job with all it needs; nothing is looked up while it runs.
#[derive(Debug, Clone)]
pub enum JobRequest {
    /// Look into a template: what does it make, what does it ask for?
    Import(ImportRequest),
    /// Start, stop or delete a workspace.
    Build(BuildRequest),
}

/// The import of a template version.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Names the job's directory and its log.
    pub job: Uuid,
    /// The template's files as a tar archive.
    pub archive: Vec<u8>,
    /// Values of Terraform variables.
    pub variables: Vec<NamedValue>,
    /// The transition is set by the provisioner: an import looks at start and at stop.
    pub metadata: WorkspaceMetadata,
}

/// One build of a workspace.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Names the job's directory and its log.
    pub job: Uuid,
    /// The template's files as a tar archive.
    pub archive: Vec<u8>,
    /// Terraform's state after the last build; empty when there is none.
    pub state: Vec<u8>,
    /// Values of Terraform variables.
    pub variables: Vec<NamedValue>,
    pub parameters: Vec<NamedValue>,
    /// The parameters of the build before, for rules that compare with them.
    pub previous_parameters: Vec<NamedValue>,
    pub metadata: WorkspaceMetadata,
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedValue {
    pub name: String,
    pub value: SecretText,
}

/// What a template can learn about the workspace, its owner and this deployment.
#[derive(Debug, Clone)]
pub struct WorkspaceMetadata {
    /// The URL at which workspaces reach the server.
    pub access_url: String,
    pub transition: Transition,
    /// Absent while a template is imported.
    pub workspace: Option<WorkspaceIdentity>,
    /// Absent while a template is imported.
    pub template: Option<TemplateMetadata>,
    pub owner: OwnerMetadata,
    pub agent_scripts: AgentScripts,
}

/// The workspace that a build is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceIdentity {
    pub id: WorkspaceId,
    pub name: String,
    pub build: BuildId,
}

/// The template that a workspace is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateMetadata {
    pub id: TemplateId,
    pub name: String,
    /// The version's name.
    pub version: String,
}

/// The workspace's owner. All fields are empty while a template is imported.
#[derive(Debug, Clone, Default)]
pub struct OwnerMetadata {
    pub id: Option<UserId>,
    pub name: String,
    pub full_name: String,
    pub email: String,
    pub login_type: String,
    pub groups: Vec<String>,
    pub roles: Vec<RoleMetadata>,
    pub ssh_public_key: String,
    pub ssh_private_key: SecretText,
    pub session_token: SecretText,
    pub oidc_access_token: SecretText,
}

/// A role of the owner; `org_id` is empty for roles of the whole deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMetadata {
    pub name: String,
    pub org_id: String,
}

/// The scripts that install and start an agent, by operating system and architecture (`linux`, `amd64`). They
/// hold the placeholders `${ACCESS_URL}` and `${AUTH_TYPE}`.
#[derive(Debug, Clone, Default)]
pub struct AgentScripts(pub BTreeMap<(String, String), String>);

/// Text that never shows in logs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretText(String);

impl SecretText {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
