//! What the built-in roles grant: tables, and nothing else.

use super::Grants;
use crate::{
    permission::PermissionSet,
    vocabulary::{
        Action::{
            ApplicationConnect, Assign, Create, CreateAgent, Delete, DeleteAgent, Read, ReadPersonal, Share,
            Ssh, Start, Stop, Unassign, Update, UpdateAgent, UpdatePersonal, ViewInsights,
        },
        Resource::{
            AiGatewayKey, AiSeat, AibridgeInterception, AssignOrgRole, AssignRole, AuditLog, BoundaryLog,
            BoundaryUsage, Chat, ConnectionLog, DeploymentConfig, DeploymentStats, File, Group, GroupMember,
            IdpsyncSettings, Oauth2App, Organization, OrganizationMember, PrebuiltWorkspace,
            ProvisionerDaemon, ProvisionerJobs, Task, Template, UsageEvent, User, UserSecret, UserSkill,
            Workspace, WorkspaceBuildOrchestration, WorkspaceDormant, WorkspaceProxy,
        },
    },
};

const NONE: PermissionSet = PermissionSet::EMPTY;

/// A dormant workspace does not run, so nobody starts it or connects to it before it is woken.
const DORMANT: &[crate::Action] =
    &[Create, Read, Update, Delete, Stop, CreateAgent, DeleteAgent, UpdateAgent, Share];
/// Managing a workspace without getting a shell in it.
const MANAGED_WORKSPACE: &[crate::Action] =
    &[Create, Read, Update, Delete, Start, Stop, CreateAgent, DeleteAgent, UpdateAgent, Share];
const OWN_WORKSPACE: &[crate::Action] = &[
    Create,
    Read,
    Update,
    Delete,
    Start,
    Stop,
    Ssh,
    ApplicationConnect,
    CreateAgent,
    DeleteAgent,
    UpdateAgent,
    Share,
];

pub(super) static OWNER: Grants = Grants {
    site: PermissionSet::EVERYTHING
        .without(&[UserSecret, UsageEvent, BoundaryUsage, AiSeat])
        .only(UserSkill, &[Read, Delete])
        .only(BoundaryLog, &[Read])
        .only(AiGatewayKey, &[Create, Read, Delete])
        .only(WorkspaceDormant, DORMANT),
    ..Grants::NONE
};

pub(super) static MEMBER: Grants = Grants {
    site: NONE.with(AssignRole, &[Read]).with(Oauth2App, &[Read]).with(WorkspaceProxy, &[Read]),
    user: PermissionSet::EVERYTHING
        .without(&[Workspace, WorkspaceDormant, PrebuiltWorkspace, Chat, OrganizationMember])
        .only(User, &[Read, ReadPersonal, UpdatePersonal]),
    ..Grants::NONE
};

pub(super) static AUDITOR: Grants = Grants {
    site: NONE
        .with(AuditLog, &[Read])
        .with(ConnectionLog, &[Read])
        .with(BoundaryLog, &[Read])
        .with(Template, &[Read, ViewInsights])
        .with(User, &[Read])
        .with(Group, &[Read])
        .with(GroupMember, &[Read])
        .with(Organization, &[Read])
        .with(OrganizationMember, &[Read])
        .with(DeploymentStats, &[Read])
        .with(DeploymentConfig, &[Read])
        .with(AibridgeInterception, &[Read])
        .with(AssignOrgRole, &[Read]),
    ..Grants::NONE
};

pub(super) static TEMPLATE_ADMIN: Grants = Grants {
    site: NONE
        .with_all(&[Template, ProvisionerDaemon])
        .with(File, &[Create, Read])
        .with(Workspace, &[Read])
        .with(WorkspaceDormant, &[Read])
        .with(PrebuiltWorkspace, &[Update, Delete])
        .with(User, &[Read])
        .with(Group, &[Read])
        .with(GroupMember, &[Read])
        .with(Organization, &[Read])
        .with(OrganizationMember, &[Read]),
    ..Grants::NONE
};

pub(super) static USER_ADMIN: Grants = Grants {
    site: NONE
        .with_all(&[User, Group, GroupMember, OrganizationMember, IdpsyncSettings])
        .with(AssignRole, &[Assign, Unassign, Read])
        .with(AssignOrgRole, &[Assign, Unassign, Read])
        .with(Organization, &[Read]),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_ADMIN: Grants = Grants {
    site: NONE.with(User, &[Read]),
    organization: PermissionSet::EVERYTHING
        .without(&[UserSecret, AssignRole, BoundaryLog, BoundaryUsage, AiSeat, WorkspaceBuildOrchestration])
        .only(Workspace, MANAGED_WORKSPACE)
        .only(WorkspaceDormant, DORMANT),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_USER_ADMIN: Grants = Grants {
    site: NONE.with(User, &[Read]),
    organization: NONE
        .with_all(&[OrganizationMember, Group, GroupMember, IdpsyncSettings])
        .with(AssignOrgRole, &[Assign, Unassign, Read])
        .with(Organization, &[Read]),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_TEMPLATE_ADMIN: Grants = Grants {
    organization: NONE
        .with_all(&[Template, ProvisionerDaemon, ProvisionerJobs])
        .with(File, &[Create, Read])
        .with(Workspace, &[Read])
        .with(WorkspaceDormant, &[Read])
        .with(PrebuiltWorkspace, &[Update, Delete])
        .with(Organization, &[Read])
        .with(OrganizationMember, &[Read])
        .with(Group, &[Read])
        .with(GroupMember, &[Read]),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_AUDITOR: Grants = Grants {
    organization: NONE
        .with(AuditLog, &[Read])
        .with(ConnectionLog, &[Read])
        .with(Template, &[Read, ViewInsights])
        .with(Group, &[Read])
        .with(GroupMember, &[Read])
        .with(Organization, &[Read])
        .with(OrganizationMember, &[Read]),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_MEMBER: Grants = Grants {
    organization: NONE.with(Organization, &[Read]).with(AssignOrgRole, &[Read]),
    member: NONE.with(OrganizationMember, &[Read]).with(GroupMember, &[Read]),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_WORKSPACE_ACCESS: Grants = Grants {
    member: NONE
        .with(Workspace, OWN_WORKSPACE)
        .with(WorkspaceDormant, DORMANT)
        .with(File, &[Create, Read])
        .with_all(&[ProvisionerDaemon, Task]),
    ..Grants::NONE
};

pub(super) static ORGANIZATION_WORKSPACE_CREATION_BAN: Grants = Grants {
    organization: NONE.denying(Workspace, &[Create, Delete, CreateAgent, DeleteAgent]),
    ..Grants::NONE
};

pub(super) static AGENTS_ACCESS: Grants =
    Grants { member: NONE.with(Chat, &[Create, Read, Update, Share]), ..Grants::NONE };
