use super::*;
use crate::model::{Membership, OrganizationRole, SiteRole};

const ACTIONS: [Action; 8] = [
    Action::Create,
    Action::Read,
    Action::Update,
    Action::Delete,
    Action::Use,
    Action::Start,
    Action::Stop,
    Action::Ssh,
];

fn subject(roles: &[SiteRole], memberships: &[(OrganizationId, &[OrganizationRole])]) -> Subject {
    let memberships = memberships.iter();
    let memberships = memberships
        .map(|(organization, roles)| Membership { organization: *organization, roles: roles.to_vec() });
    Subject { user: UserId::new(), roles: roles.to_vec(), memberships: memberships.collect() }
}

fn allowed(subject: &Subject, object: &Object) -> Vec<Action> {
    ACTIONS.into_iter().filter(|action| allows(subject, *action, object)).collect()
}

#[test]
fn a_member_has_all_rights_on_their_own_workspace_and_none_on_others() {
    let organization = OrganizationId::new();
    let member = subject(&[SiteRole::Member], &[(organization, &[])]);
    let own = Object::owned_in(Resource::Workspace, member.user, organization);
    let other = Object::owned_in(Resource::Workspace, UserId::new(), organization);
    assert_eq!(allowed(&member, &own), ACTIONS);
    assert_eq!(allowed(&member, &other), []);
    assert_eq!(check(&member, Action::Stop, &other), Err(Denied::NotFound));
}

#[test]
fn a_member_uses_templates_of_their_organization_only() {
    let organization = OrganizationId::new();
    let member = subject(&[SiteRole::Member], &[(organization, &[])]);
    let template = Object::of_organization(Resource::Template, organization);
    assert_eq!(allowed(&member, &template), [Action::Read, Action::Use]);
    assert_eq!(check(&member, Action::Delete, &template), Err(Denied::Forbidden));
    let foreign = Object::of_organization(Resource::Template, OrganizationId::new());
    assert_eq!(check(&member, Action::Use, &foreign), Err(Denied::NotFound));
}

#[test]
fn an_administrator_manages_workspaces_without_a_shell() {
    let organization = OrganizationId::new();
    let admin = subject(&[], &[(organization, &[OrganizationRole::Admin])]);
    let workspace = Object::owned_in(Resource::Workspace, UserId::new(), organization);
    assert_eq!(check(&admin, Action::Delete, &workspace), Ok(()));
    assert_eq!(check(&admin, Action::Ssh, &workspace), Err(Denied::Forbidden));
}

#[test]
fn leaving_the_organization_takes_the_workspace_away() {
    let gone = subject(&[SiteRole::Member], &[]);
    let own = Object::owned_in(Resource::Workspace, gone.user, OrganizationId::new());
    assert_eq!(check(&gone, Action::Ssh, &own), Err(Denied::NotFound));
}

#[test]
fn the_list_filter_agrees_with_the_decision_on_reading() {
    let organizations = [OrganizationId::new(), OrganizationId::new(), OrganizationId::new()];
    let subjects = [
        subject(&[SiteRole::Owner], &[]),
        subject(&[SiteRole::Member], &[(organizations[0], &[])]),
        subject(&[], &[(organizations[0], &[OrganizationRole::Admin]), (organizations[1], &[])]),
    ];
    for subject in &subjects {
        for organization in organizations {
            for resource in [Resource::Template, Resource::Workspace] {
                let template = resource == Resource::Template;
                let object = if template {
                    Object::of_organization(resource, organization)
                } else {
                    Object::owned_in(resource, UserId::new(), organization)
                };
                let listed = match list_filter(subject, resource) {
                    ListFilter::All => true,
                    ListFilter::Of { organizations, .. } => organizations.contains(&organization),
                };
                assert_eq!(listed, allows(subject, Action::Read, &object), "{subject:?} {object:?}");
            }
        }
    }
}
