use proptest::prelude::*;
use uuid::Uuid;
use warren_vocab::{GroupId, UserId};

use super::*;
use crate::{
    Scope,
    permission::{ActionSet, Permission, PermissionSet},
    role::{Grants, OrganizationRole, SiteRole},
};

fn member_with(organization: OrganizationId, roles: &[OrganizationRole]) -> Subject {
    Subject::new(UserId::new(), vec![], vec![Membership::new(organization, roles.to_vec())])
}

fn workspace(owner: UserId, organization: OrganizationId) -> Object {
    Object::owned_in(Resource::Workspace, owner, organization).with_id(Uuid::new_v4())
}

#[test]
fn what_cannot_be_read_is_not_found_and_what_can_is_forbidden() {
    let organization = OrganizationId::new();
    let member = member_with(organization, &[OrganizationRole::WorkspaceAccess]);
    let other = workspace(UserId::new(), organization);
    assert_eq!(check(&member, Action::Stop, &other), Err(Denied::NotFound));
    assert_eq!(check(&member, Action::Read, &other), Err(Denied::NotFound));
    assert_eq!(check(&member, Action::Stop, &workspace(member.user, organization)), Ok(()));
    assert_eq!(check(&member, Action::Delete, &Object::organization(organization)), Err(Denied::Forbidden));
    assert_eq!(
        check(&member, Action::Update, &Object::organization(OrganizationId::new())),
        Err(Denied::NotFound)
    );
    let admin = member_with(organization, &[OrganizationRole::Admin]);
    assert_eq!(check(&admin, Action::Ssh, &other), Err(Denied::Forbidden));
}

#[test]
fn creating_and_reading_settings_has_no_secret_to_keep() {
    let member = member_with(OrganizationId::new(), &[]);
    assert_eq!(check(&member, Action::Create, &Object::site(Resource::User)), Err(Denied::Forbidden));
    assert_eq!(check(&member, Action::Read, &Object::site(Resource::AuditLog)), Err(Denied::Forbidden));
    assert_eq!(
        check(&member, Action::Read, &Object::site(Resource::DeploymentConfig)),
        Err(Denied::Forbidden)
    );
}

#[test]
fn leaving_the_organization_takes_the_workspace_away() {
    let gone = Subject::new(UserId::new(), vec![], vec![]);
    let own = workspace(gone.user, OrganizationId::new());
    assert_eq!(check(&gone, Action::Ssh, &own), Err(Denied::NotFound));
    let shared = workspace(UserId::new(), OrganizationId::new())
        .with_user_acl(gone.user, ActionSet::of(&[Action::Read]));
    assert!(!allows(&gone, Action::Read, &shared));
}

#[test]
fn a_ban_beats_the_roles_beside_and_below_it_but_not_the_site_owner() {
    let organization = OrganizationId::new();
    let roles =
        [OrganizationRole::WorkspaceAccess, OrganizationRole::WorkspaceCreationBan, OrganizationRole::Admin];
    let mut banned = member_with(organization, &roles);
    let own = workspace(banned.user, organization);
    assert!(!allows(&banned, Action::Create, &own));
    assert!(!allows(&banned, Action::Delete, &own));
    assert!(allows(&banned, Action::Start, &own));
    let shared = own.clone().with_user_acl(banned.user, ActionSet::of(&[Action::Delete]));
    assert!(!allows(&banned, Action::Delete, &shared));
    banned.roles.push(SiteRole::Owner);
    assert!(allows(&banned, Action::Create, &own));
}

#[test]
fn a_custom_role_counts_in_its_organization_only() {
    let (organization, other) = (OrganizationId::new(), OrganizationId::new());
    let mut subject = member_with(organization, &[]);
    subject.memberships.push(Membership::new(other, vec![]));
    let permission =
        Permission { negate: false, resource: Some(Resource::Template), action: Some(Action::Update) };
    let set = PermissionSet::from_permissions(&[permission]);
    // Its site and user levels are there on purpose: they must not count.
    subject.memberships[0].custom.push(Grants {
        organization: set.clone(),
        site: set.clone(),
        user: set,
        ..Grants::NONE
    });
    assert!(allows(&subject, Action::Update, &Object::of_organization(Resource::Template, organization)));
    assert!(!allows(&subject, Action::Update, &Object::of_organization(Resource::Template, other)));
    assert!(!allows(&subject, Action::Update, &Object::site(Resource::Template)));
    assert!(!allows(&subject, Action::Delete, &Object::of_organization(Resource::Template, organization)));
}

#[test]
fn any_organization_asks_whether_one_of_them_suits() {
    let mut subject = member_with(OrganizationId::new(), &[]);
    let anywhere = Object::in_any_organization(Resource::Template);
    assert!(!allows(&subject, Action::Create, &anywhere));
    subject.memberships.push(Membership::new(OrganizationId::new(), vec![OrganizationRole::TemplateAdmin]));
    assert!(allows(&subject, Action::Create, &anywhere));
    let own = Object { owner: Some(subject.user), ..Object::in_any_organization(Resource::Workspace) };
    assert!(!allows(&subject, Action::Create, &own));
    subject.memberships[0].roles.push(OrganizationRole::WorkspaceAccess);
    assert!(allows(&subject, Action::Create, &own));
    let owner = Subject::new(UserId::new(), vec![SiteRole::Owner], vec![]);
    assert!(allows(&owner, Action::Create, &anywhere));
}

#[test]
fn a_scope_takes_rights_away_and_never_adds_any() {
    let organization = OrganizationId::new();
    let mut owner = Subject::new(UserId::new(), vec![SiteRole::Owner], vec![]);
    owner.scope = Scope::from_names(&["workspace:read"], &[] as &[&str]).unwrap();
    let other = workspace(UserId::new(), organization);
    assert_eq!(check(&owner, Action::Read, &other), Ok(()));
    assert_eq!(check(&owner, Action::Delete, &other), Err(Denied::Forbidden));
    assert_eq!(check(&owner, Action::Read, &Object::user(owner.user)), Err(Denied::NotFound));
    let mut member = member_with(organization, &[]);
    member.scope = Scope::everything();
    assert!(!allows(&member, Action::Read, &other));
}

// A second, naive model: permissions as lists, levels as one list of numbers.

fn listed(set: &PermissionSet, resource: Resource, action: Action) -> i8 {
    let fits = |one: &&Permission| {
        one.resource.is_none_or(|named| named == resource) && one.action.is_none_or(|named| named == action)
    };
    let list = set.permissions();
    let list: Vec<_> = list.iter().filter(fits).collect();
    if list.iter().any(|one| one.negate) { -1 } else { i8::from(!list.is_empty()) }
}

fn worst(votes: impl Iterator<Item = i8>) -> i8 {
    let votes: Vec<i8> = votes.collect();
    if votes.contains(&-1) { -1 } else { votes.into_iter().max().unwrap_or(0) }
}

fn naive(subject: &Subject, action: Action, object: &Object) -> bool {
    let resource = object.resource;
    if !resource.actions().contains(&action) {
        return false;
    }
    let mut site_roles: Vec<&Grants> = subject.roles.iter().map(|role| role.grants()).collect();
    site_roles.push(SiteRole::Member.grants());
    let everywhere = subject.memberships.iter().flat_map(|one| one.roles.iter().map(|role| role.grants()));
    let site = worst(
        site_roles
            .iter()
            .map(|one| listed(&one.site, resource, action))
            .chain(everywhere.map(|one| listed(&one.site, resource, action))),
    );
    let mut inside_roles: Vec<&Grants> = Vec::new();
    let mut is_member = false;
    for membership in &subject.memberships {
        if object.organization == Some(membership.organization) {
            is_member = true;
            inside_roles.extend(membership.roles.iter().map(|role| role.grants()));
            inside_roles.extend(&membership.custom);
            inside_roles.push(OrganizationRole::Member.grants());
        }
    }
    let organization = worst(inside_roles.iter().map(|one| listed(&one.organization, resource, action)));
    let owns = object.owner == Some(subject.user) && (object.organization.is_none() || is_member);
    let user = worst(site_roles.iter().filter(|_| owns).map(|one| listed(&one.user, resource, action)));
    let member = worst(inside_roles.iter().filter(|_| owns).map(|one| listed(&one.member, resource, action)));
    let decided = [site, organization, user, member].into_iter().find(|vote| *vote != 0);
    let named = object.user_acl.iter().any(|one| one.id == subject.user && one.actions.contains(action))
        || object.group_acl.iter().any(|one| subject.is_in_group(one.id) && one.actions.contains(action));
    let by_roles = decided.map_or(is_member && named, |vote| vote > 0);
    by_roles && subject.scope.allows(action, object)
}

/// Small worlds, so that subjects and objects meet: three accounts, three organizations, two groups, three objects.
pub(crate) fn small(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

fn permissions() -> impl Strategy<Value = PermissionSet> {
    let one = (any::<bool>(), 0..Resource::ALL.len(), 0..Action::ALL.len(), 0..8_u8);
    proptest::collection::vec(one, 0..6).prop_map(|list| {
        let permission = |(negate, resource, action, wild): (bool, usize, usize, u8)| Permission {
            negate,
            resource: (wild != 0).then(|| Resource::ALL[resource]),
            action: (wild > 1)
                .then(|| Action::ALL[action])
                .filter(|action| wild == 0 || Resource::ALL[resource].actions().contains(action)),
        };
        PermissionSet::from_permissions(&list.into_iter().map(permission).collect::<Vec<_>>())
    })
}

fn memberships() -> impl Strategy<Value = Vec<Membership>> {
    let roles = proptest::sample::subsequence(OrganizationRole::ALL, 0..4);
    let custom = proptest::collection::vec((permissions(), permissions()), 0..2);
    proptest::collection::btree_map(0..3_u8, (roles, custom), 0..3).prop_map(|map| {
        let membership = |(at, (roles, custom)): (u8, (Vec<OrganizationRole>, Vec<_>))| Membership {
            organization: OrganizationId::from_uuid(small(at)),
            roles,
            custom: custom
                .into_iter()
                .map(|(organization, member)| Grants { organization, member, ..Grants::NONE })
                .collect(),
        };
        map.into_iter().map(membership).collect()
    })
}

fn scopes() -> impl Strategy<Value = Scope> {
    let names = prop_oneof![
        4 => Just(vec!["coder:all".to_owned()]),
        1 => proptest::sample::subsequence(crate::requestable_scopes(), 0..5),
    ];
    let ids = proptest::collection::vec((0..Resource::ALL.len(), 0..3_u8), 1..4).prop_map(|list| {
        let entry = |(resource, id): (usize, u8)| format!("{}:{}", Resource::ALL[resource], small(id));
        list.into_iter().map(entry).collect::<Vec<_>>()
    });
    let list = prop_oneof![3 => Just(vec!["*:*".to_owned()]), 1 => ids];
    (names, list).prop_map(|(names, list)| Scope::from_names(&names, &list).unwrap())
}

pub(crate) fn subjects() -> impl Strategy<Value = Subject> {
    let roles = proptest::sample::subsequence(SiteRole::ALL, 0..3);
    (0..3_u8, roles, memberships(), proptest::sample::subsequence(vec![7_u8, 8], 0..2), scopes()).prop_map(
        |(user, roles, memberships, groups, scope)| Subject {
            user: UserId::from_uuid(small(user)),
            roles,
            memberships,
            groups: groups.into_iter().map(|one| GroupId::from_uuid(small(one))).collect(),
            scope,
        },
    )
}

pub(crate) fn objects() -> impl Strategy<Value = Object> {
    let entry = (0..9_u8, proptest::sample::subsequence(Action::ALL, 0..6));
    let acl = || proptest::collection::vec(entry.clone(), 0..3);
    let optional = || proptest::option::of(0..3_u8);
    (0..Resource::ALL.len(), optional(), optional(), optional(), acl(), acl()).prop_map(
        |(resource, id, owner, organization, users, groups)| {
            let mut object = Object::site(Resource::ALL[resource]);
            object.id = id.map(small);
            object.owner = owner.map(|one| UserId::from_uuid(small(one)));
            object.organization = organization.map(|one| OrganizationId::from_uuid(small(one)));
            for (id, actions) in users {
                object = object.with_user_acl(UserId::from_uuid(small(id)), ActionSet::of(&actions));
            }
            for (id, actions) in groups {
                object = object.with_group_acl(GroupId::from_uuid(small(id)), ActionSet::of(&actions));
            }
            object
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_decision_agrees_with_a_naive_model(subject in subjects(), object in objects()) {
        for action in Action::ALL {
            prop_assert_eq!(allows(&subject, *action, &object), naive(&subject, *action, &object), "{}", action);
        }
    }

    #[test]
    fn a_narrower_scope_never_allows_more(subject in subjects(), object in objects()) {
        let wide = Subject { scope: Scope::everything(), ..subject.clone() };
        for action in Action::ALL {
            prop_assert!(!allows(&subject, *action, &object) || allows(&wide, *action, &object));
        }
    }
}
