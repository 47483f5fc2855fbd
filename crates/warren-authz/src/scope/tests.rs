use warren_vocab::{OrganizationId, UserId};

use super::*;

const NONE: &[&str] = &[];

fn workspace(id: Uuid) -> Object {
    Object::owned_in(Resource::Workspace, UserId::new(), OrganizationId::new()).with_id(id)
}

fn granted(name: &str) -> Vec<String> {
    let scope = Scope::from_names(&[name], NONE).unwrap();
    let mut list = Vec::new();
    for resource in Resource::ALL.iter().filter(|one| **one != Resource::WorkspaceDormant) {
        let actions = resource.actions().iter().filter(|action| scope.permits(**action, *resource));
        list.extend(actions.map(|action| format!("{resource}:{action}")));
    }
    list.sort();
    list
}

#[test]
fn composite_scopes_hold_exactly_this() {
    let cases: &[(&str, &[&str])] = &[
        (
            "coder:workspaces.create",
            &[
                "organization_member:read",
                "template:read",
                "template:use",
                "workspace:create",
                "workspace:read",
                "workspace:start",
                "workspace:stop",
                "workspace:update",
            ],
        ),
        (
            "coder:workspaces.operate",
            &["template:read", "workspace:read", "workspace:start", "workspace:stop", "workspace:update"],
        ),
        ("coder:workspaces.delete", &["workspace:delete", "workspace:read"]),
        ("coder:workspaces.access", &["workspace:application_connect", "workspace:read", "workspace:ssh"]),
        ("coder:templates.build", &["file:create", "file:read", "provisioner_jobs:read", "template:read"]),
        (
            "coder:templates.author",
            &[
                "file:create",
                "file:read",
                "template:create",
                "template:delete",
                "template:read",
                "template:update",
                "template:view_insights",
            ],
        ),
        (
            "coder:apikeys.manage_self",
            &["api_key:create", "api_key:delete", "api_key:read", "api_key:update"],
        ),
        ("application_connect", &["workspace:application_connect"]),
        ("file:*", &["file:create", "file:read"]),
        ("user:read_personal", &["user:read_personal"]),
    ];
    for (name, expected) in cases {
        assert_eq!(granted(name), *expected, "{name}");
    }
}

#[test]
fn every_requestable_scope_is_one_and_the_list_has_no_doubles() {
    let names = requestable_scopes();
    let mut unique = names.clone();
    unique.dedup();
    assert_eq!(names, unique);
    assert_eq!(names.len(), 2 + 7 + (9 + 6 + 5 + 3 + 4 + 5 + 5 + 5 + 4 + 5));
    for name in &names {
        assert!(!granted(name).is_empty(), "{name}");
    }
    assert!(Scope::from_names(&["coder:all"], NONE).unwrap().is_everything());
    assert!(Scope::from_names(&["all"], &["*:*"]).unwrap().is_everything());
}

#[test]
fn unknown_names_and_entries_are_refused() {
    for bad in ["", "coder:", "workspace", "workspace:fly", "file:delete", "nothing:read", "coder:workspaces"]
    {
        let expected = Err(ScopeError::UnknownName { name: bad.to_owned() });
        assert_eq!(Scope::from_names(&[bad], NONE), expected);
    }
    for bad in ["", "workspace", "workspace:", "workspace:1", "rocket:*", ":*", "*"] {
        let expected = Err(ScopeError::Entry { entry: bad.to_owned() });
        assert_eq!(Scope::from_names(&["all"], &[bad]), expected);
    }
    let many = vec!["workspace:*"; ALLOW_LIST_MAX + 1];
    assert_eq!(Scope::from_names(&["all"], &many), Err(ScopeError::TooLong));
}

#[test]
fn no_scope_names_grant_nothing() {
    let scope = Scope::from_names(NONE, NONE).unwrap();
    assert!(!scope.allows(Action::Read, &workspace(Uuid::new_v4())));
}

#[test]
fn an_allow_list_limits_objects_by_type_and_id() {
    let id = Uuid::new_v4();
    let scope = Scope::from_names(&["all"], &[format!("workspace:{id}"), "template:*".to_owned()]).unwrap();
    assert!(scope.allows(Action::Ssh, &workspace(id)));
    let dormant = Object { resource: Resource::WorkspaceDormant, ..workspace(id) };
    assert!(scope.allows(Action::Read, &dormant));
    assert!(!scope.allows(Action::Ssh, &workspace(Uuid::new_v4())));
    let template = Object::of_organization(Resource::Template, OrganizationId::new());
    assert!(scope.allows(Action::Create, &template));
    assert!(scope.allows(Action::Read, &template.with_id(Uuid::new_v4())));
    let user = UserId::new();
    assert!(!scope.allows(Action::Read, &Object::user(user)));
    let unnamed = Object::owned_in(Resource::Workspace, user, OrganizationId::new());
    assert!(!scope.allows(Action::Create, &unnamed));
    let by_id = Scope::from_names(&["all"], &[format!("*:{id}")]).unwrap();
    assert!(by_id.allows(Action::Read, &workspace(id)));
    assert!(!by_id.allows(Action::Read, &workspace(Uuid::new_v4())));
}

#[test]
fn a_scope_covers_what_is_narrower_and_nothing_else() {
    let scope = |names: &[&str], list: &[&str]| Scope::from_names(names, list).unwrap();
    let one = "workspace:3f2a7bd0-0000-4000-8000-000000000001";
    let all = scope(&["coder:all"], &["*:*"]);
    let reader = scope(&["workspace:read"], &[]);
    let narrow = scope(&["workspace:read"], &[one]);
    assert!(all.covers(&all) && all.covers(&reader) && all.covers(&narrow));
    assert!(reader.covers(&narrow) && narrow.covers(&narrow));
    assert!(!reader.covers(&all) && !narrow.covers(&reader));
    assert!(!scope(&["coder:all"], &[one]).covers(&all), "a list is a limit as well");
    assert!(scope(&["workspace:*"], &["workspace:*"]).covers(&narrow));
    assert!(!scope(&["template:*"], &["template:*"]).covers(&narrow));
}
