use proptest::prelude::*;
use warren_vocab::OrganizationId;

use super::*;
use crate::{
    Membership, Object,
    decision::{
        allows,
        tests::{objects, subjects},
    },
    role::{OrganizationRole, SiteRole},
};

/// What a query does with a filter.
fn fits(filter: &ListFilter, object: &Object) -> bool {
    if filter.ids.as_ref().is_some_and(|ids| object.id.is_none_or(|id| !ids.contains(&id))) {
        return false;
    }
    if filter.all {
        return true;
    }
    let is_own = object.owner == Some(filter.user);
    let Some(organization) = object.organization else { return is_own && filter.own };
    let named = object.user_acl.iter().any(|one| one.id == filter.user && one.actions.contains(Action::Read))
        || object
            .group_acl
            .iter()
            .any(|one| filter.groups.contains(&one.id) && one.actions.contains(Action::Read));
    filter.organizations.contains(&organization)
        || (is_own && filter.own_in.contains(&organization))
        || (named && filter.acl_in.contains(&organization))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_filter_agrees_with_the_decision_on_reading(subject in subjects(), object in objects()) {
        let filter = list_filter(&subject, object.resource);
        let listed = fits(&filter, &object);
        prop_assert_eq!(listed, allows(&subject, Action::Read, &object), "{:?}", filter);
        prop_assert!(!(listed && filter.is_empty()));
    }
}

#[test]
fn an_owner_sees_everything_and_a_stranger_nothing() {
    let owner = Subject::new(UserId::new(), vec![SiteRole::Owner], vec![]);
    assert!(list_filter(&owner, Resource::Workspace).all);
    assert!(!list_filter(&owner, Resource::UserSecret).all);
    let stranger = Subject::new(UserId::new(), vec![], vec![]);
    assert!(list_filter(&stranger, Resource::Workspace).is_empty());
    assert!(list_filter(&stranger, Resource::User).own);
}

#[test]
fn a_member_sees_own_and_shared_objects_and_an_administrator_all_of_the_organization() {
    let (first, second) = (OrganizationId::new(), OrganizationId::new());
    let memberships = vec![
        Membership::new(first, vec![OrganizationRole::WorkspaceAccess]),
        Membership::new(second, vec![OrganizationRole::Admin]),
    ];
    let subject = Subject::new(UserId::new(), vec![], memberships);
    let filter = list_filter(&subject, Resource::Workspace);
    assert_eq!((&filter.own_in, &filter.acl_in), (&vec![first], &vec![first]));
    assert_eq!(filter.organizations, [second]);
    assert_eq!(filter.groups, [first, second].map(|id| GroupId::from_uuid(id.as_uuid())));
}
