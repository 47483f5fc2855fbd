//! One newtype per entity, so that a workspace id cannot be passed where an agent id is meant.

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = uuid::Uuid)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// Makes a random (version 4) id.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(uuid::Uuid::new_v4())
            }

            /// The all-zero id, which the wire uses for "absent".
            pub const fn nil() -> Self {
                Self(uuid::Uuid::nil())
            }

            /// Wraps a UUID that is known to name this kind of entity.
            pub const fn from_uuid(id: uuid::Uuid) -> Self {
                Self(id)
            }

            /// Returns the bare UUID, for storage.
            pub const fn as_uuid(self) -> uuid::Uuid {
                self.0
            }

            /// Reports whether this is the all-zero id.
            pub fn is_nil(self) -> bool {
                self.0.is_nil()
            }

            /// Returns `None` for the all-zero id: official clients send it for "not set".
            pub fn non_nil(self) -> Option<Self> {
                (!self.0.is_nil()).then_some(self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = i64)]
        pub struct $name(pub i64);

        impl $name {
            /// Returns the number, for storage.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_ids! {
    /// A user account.
    UserId,
    /// An organization.
    OrganizationId,
    /// A group of accounts. The group of everybody in an organization has the organization's id.
    GroupId,
    /// An uploaded file.
    FileId,
    /// A template.
    TemplateId,
    /// One immutable version of a template.
    TemplateVersionId,
    /// A provisioner job.
    JobId,
    /// A workspace.
    WorkspaceId,
    /// One build of a workspace.
    BuildId,
    /// A resource that a build made.
    ResourceId,
    /// A workspace agent; every build makes new ones.
    AgentId,
    /// An app of an agent.
    AppId,
    /// A script of an agent.
    ScriptId,
    /// A source of agent logs.
    LogSourceId,
    /// A chat.
    ChatId,
    /// A model configuration.
    ModelConfigId,
    /// A configured model provider.
    AiProviderId,
    /// A key of a configured model provider.
    AiProviderKeyId,
    /// One claim of a job or chat by a worker.
    RunnerId,
    /// A server process.
    ReplicaId,
    /// An entry of the audit log.
    AuditLogId,
    /// One HTTP request.
    RequestId,
}

row_ids! {
    /// A message of a chat; increasing within a deployment.
    MessageId,
    /// A message waiting in a chat's queue.
    QueuedMessageId,
    /// A line of a job's log; increasing within a deployment.
    JobLogId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_bare_string_on_the_wire() {
        let id = WorkspaceId::new();
        assert_eq!(serde_json::to_value(id).unwrap(), serde_json::json!(id.to_string()));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn the_nil_id_means_absent() {
        assert_eq!(TemplateVersionId::nil().non_nil(), None);
        let id = TemplateVersionId::new();
        assert_eq!(id.non_nil(), Some(id));
    }
}
