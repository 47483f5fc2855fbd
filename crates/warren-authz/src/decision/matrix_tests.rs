//! The matrix of roles and actions, cell by cell, as a table.

use warren_vocab::{GroupId, UserId};

use super::*;
use crate::{
    permission::ActionSet,
    role::{OrganizationRole, SiteRole},
    vocabulary::Action::{
        ApplicationConnect, Assign, Create, Delete, Read, ReadPersonal, Share, Ssh, Start, Stop, Update,
        UpdatePersonal, Use, ViewInsights,
    },
};

/// The columns of the table, in this order.
fn columns(organization: OrganizationId) -> Vec<Subject> {
    use OrganizationRole as Role;
    let plain = |site: Vec<SiteRole>| {
        Subject::new(UserId::new(), site, vec![Membership::new(organization, vec![Role::WorkspaceAccess])])
    };
    let inside = |role| {
        let roles = vec![Role::WorkspaceAccess, role];
        Subject::new(UserId::new(), vec![], vec![Membership::new(organization, roles)])
    };
    vec![
        plain(vec![SiteRole::Owner]),
        plain(vec![SiteRole::TemplateAdmin]),
        plain(vec![SiteRole::UserAdmin]),
        plain(vec![SiteRole::Auditor]),
        inside(Role::Admin),
        inside(Role::TemplateAdmin),
        inside(Role::UserAdmin),
        inside(Role::Auditor),
        plain(vec![]),
    ]
}

/// Where the object lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Of the deployment, without an owner.
    Site,
    /// Another account's, outside organizations.
    Other,
    /// The subject's own, outside organizations.
    Own,
    /// In the organization, without an owner.
    Inside,
    /// In the organization and another account's.
    OtherInside,
    /// In the organization and the subject's own.
    OwnInside,
    /// In the organization, with an access list that names everybody for reading and using.
    EverybodyInside,
    /// In the organization, with an access list that names the subject for everything.
    SharedInside,
}

use Place::{EverybodyInside, Inside, Other, OtherInside, Own, OwnInside, SharedInside, Site};

fn object(place: Place, resource: Resource, subject: &Subject, organization: OrganizationId) -> Object {
    let other = UserId::new();
    match place {
        Site => Object::site(resource),
        Other => Object::owned(resource, other),
        Own => Object::owned(resource, subject.user),
        Inside => Object::of_organization(resource, organization),
        OtherInside => Object::owned_in(resource, other, organization),
        OwnInside => Object::owned_in(resource, subject.user, organization),
        EverybodyInside => Object::of_organization(resource, organization)
            .with_group_acl(GroupId::from_uuid(organization.as_uuid()), ActionSet::of(&[Read, Use])),
        SharedInside => Object::owned_in(resource, other, organization)
            .with_user_acl(subject.user, ActionSet::of(resource.actions())),
    }
}

type Row = (Place, Resource, &'static [Action], &'static str);

/// `x` may do all of the actions, `-` none. Columns: owner, template-admin, user-admin, auditor, organization admin, its
/// template-admin, its user-admin, its auditor, member.
#[rustfmt::skip]
const MATRIX: &[Row] = &[
    // Reading any workspace.
    (OtherInside,     Resource::Workspace, &[Read],                          "xx--xx---"),
    (OwnInside,       Resource::Workspace, &[Read],                          "xxxxxxxxx"),
    (SharedInside,    Resource::Workspace, &[Read],                          "xxxxxxxxx"),
    // Starting, stopping, changing, deleting.
    (OtherInside,     Resource::Workspace, &[Start, Stop, Update, Delete],   "x---x----"),
    (OwnInside,       Resource::Workspace, &[Start, Stop, Update, Delete],   "xxxxxxxxx"),
    // Shell and apps.
    (OtherInside,     Resource::Workspace, &[Ssh, ApplicationConnect],       "x--------"),
    (OwnInside,       Resource::Workspace, &[Ssh, ApplicationConnect],       "xxxxxxxxx"),
    (SharedInside,    Resource::Workspace, &[Ssh, ApplicationConnect],       "xxxxxxxxx"),
    // Creating workspaces for others and for oneself.
    (OtherInside,     Resource::Workspace, &[Create],                        "x---x----"),
    (OwnInside,       Resource::Workspace, &[Create],                        "xxxxxxxxx"),
    // Sharing.
    (OtherInside,     Resource::Workspace, &[Share],                         "x---x----"),
    (OwnInside,       Resource::Workspace, &[Share],                         "xxxxxxxxx"),
    // Dormant workspaces are never started or entered.
    (OtherInside,     Resource::WorkspaceDormant, &[Read],                   "xx--xx---"),
    (OtherInside,     Resource::WorkspaceDormant, &[Update, Delete],         "x---x----"),
    (OwnInside,       Resource::WorkspaceDormant, &[Read, Update, Delete],   "xxxxxxxxx"),
    (OwnInside,       Resource::WorkspaceDormant, &[Start, Ssh, ApplicationConnect], "---------"),
    // Templates.
    (EverybodyInside, Resource::Template, &[Create, Update, Delete],         "xx--xx---"),
    (SharedInside,    Resource::Template, &[Update, Delete],                 "xxxxxxxxx"),
    (Inside,          Resource::Template, &[Use],                            "xx--xx---"),
    (EverybodyInside, Resource::Template, &[Read, Use],                      "xxxxxxxxx"),
    (Inside,          Resource::Template, &[Read],                           "xx-xxx-x-"),
    (EverybodyInside, Resource::Template, &[ViewInsights],                   "xx-xxx-x-"),
    (SharedInside,    Resource::Template, &[ViewInsights],                   "xxxxxxxxx"),
    // Accounts.
    (Other,           Resource::User, &[Create, Update, Delete],             "x-x------"),
    (Other,           Resource::User, &[ReadPersonal, UpdatePersonal],       "x-x------"),
    (Other,           Resource::User, &[Read],                               "xxxxx-x--"),
    (Own,             Resource::User, &[Read, ReadPersonal, UpdatePersonal], "xxxxxxxxx"),
    (Own,             Resource::User, &[Update, Delete],                     "x-x------"),
    // Members of organizations.
    (OtherInside,     Resource::OrganizationMember, &[Create, Update, Delete], "x-x-x-x--"),
    (OtherInside,     Resource::OrganizationMember, &[Read],                 "xxxxxxxx-"),
    (OwnInside,       Resource::OrganizationMember, &[Read],                 "xxxxxxxxx"),
    // Groups.
    (Inside,          Resource::Group, &[Create, Update, Delete],            "x-x-x-x--"),
    (Inside,          Resource::Group, &[Read],                              "xxxxxxxx-"),
    // Roles.
    (Site,            Resource::AssignRole, &[Assign],                       "x-x------"),
    (Site,            Resource::AssignRole, &[Read],                         "xxxxxxxxx"),
    (Inside,          Resource::AssignOrgRole, &[Assign],                    "x-x-x-x--"),
    (Inside,          Resource::AssignOrgRole, &[Create, Update, Delete],    "x---x----"),
    (Inside,          Resource::AssignOrgRole, &[Read],                      "xxxxxxxxx"),
    // Organizations.
    (Site,            Resource::Organization, &[Create],                     "x--------"),
    (Inside,          Resource::Organization, &[Update, Delete],             "x---x----"),
    (Inside,          Resource::Organization, &[Read],                       "xxxxxxxxx"),
    // Audit log, of everything and of the organization.
    (Site,            Resource::AuditLog, &[Read],                           "x--x-----"),
    (Inside,          Resource::AuditLog, &[Read],                           "x--xx--x-"),
    (Inside,          Resource::ConnectionLog, &[Read],                      "x--xx--x-"),
    // The deployment.
    (Site,            Resource::DeploymentConfig, &[Read],                   "x--x-----"),
    (Site,            Resource::DeploymentConfig, &[Update],                 "x--------"),
    (Site,            Resource::DeploymentStats, &[Read],                    "x--x-----"),
    // Provisioner daemons.
    (OtherInside,     Resource::ProvisionerDaemon, &[Create, Read, Update, Delete], "xx--xx---"),
    (OwnInside,       Resource::ProvisionerDaemon, &[Create, Read, Update, Delete], "xxxxxxxxx"),
    (Inside,          Resource::ProvisionerJobs, &[Read],                    "x---xx---"),
    // Licences, proxies, notifications.
    (Site,            Resource::License, &[Create, Read, Delete],            "x--------"),
    (Site,            Resource::WorkspaceProxy, &[Create, Update, Delete],   "x--------"),
    (Site,            Resource::WorkspaceProxy, &[Read],                     "xxxxxxxxx"),
    (Site,            Resource::NotificationTemplate, &[Read, Update],       "x--------"),
    // Chats of others, and own ones, which need a role of their own.
    (OtherInside,     Resource::Chat, &[Read, Update],                       "x---x----"),
    (OwnInside,       Resource::Chat, &[Create, Read, Update, Share],        "x---x----"),
    (SharedInside,    Resource::Chat, &[Read],                               "xxxxxxxxx"),
    // API keys.
    (Other,           Resource::ApiKey, &[Create, Read, Update, Delete],     "x--------"),
    (Own,             Resource::ApiKey, &[Create, Read, Update, Delete],     "xxxxxxxxx"),
    // Secrets.
    (Other,           Resource::UserSecret, &[Create, Read, Update, Delete], "---------"),
    (Own,             Resource::UserSecret, &[Create, Read, Update, Delete], "xxxxxxxxx"),
    // Synchronisation with an identity provider.
    (Site,            Resource::IdpsyncSettings, &[Read, Update],            "x-x------"),
    (Inside,          Resource::IdpsyncSettings, &[Read, Update],            "x-x-x-x--"),
    // Debugging and health.
    (Site,            Resource::DebugInfo, &[Read],                          "x--------"),
    (Site,            Resource::Replicas, &[Read],                           "x--------"),
    // Files.
    (Own,             Resource::File, &[Create, Read],                       "xxxxxxxxx"),
    (Other,           Resource::File, &[Read],                               "xx-------"),
];

#[test]
fn every_cell_of_the_matrix_holds() {
    let organization = OrganizationId::new();
    let subjects = columns(organization);
    for (place, resource, actions, cells) in MATRIX {
        assert_eq!(cells.len(), subjects.len());
        for action in *actions {
            let is_known = resource.actions().contains(action);
            assert!(is_known, "{resource} has no {action}");
            let actual: String = subjects
                .iter()
                .map(|subject| object(*place, *resource, subject, organization))
                .zip(&subjects)
                .map(|(object, subject)| if allows(subject, *action, &object) { 'x' } else { '-' })
                .collect();
            assert_eq!(actual, *cells, "{place:?} {resource} {action}");
        }
    }
}

#[test]
fn nothing_of_another_organization_is_reached_by_its_roles() {
    let elsewhere = OrganizationId::new();
    // Everybody below the site roles.
    for subject in columns(OrganizationId::new()).iter().skip(4) {
        for resource in Resource::ALL {
            for action in resource.actions() {
                let own = object(OwnInside, *resource, subject, elsewhere);
                let shared = object(SharedInside, *resource, subject, elsewhere);
                // Reading accounts and what the site shows to everybody does not ask for an organization.
                let is_open = levels(subject, *action, *resource, None, false) == Vote::Yes;
                assert_eq!(allows(subject, *action, &own), is_open, "{resource} {action}");
                assert_eq!(allows(subject, *action, &shared), is_open, "{resource} {action}");
            }
        }
    }
}
