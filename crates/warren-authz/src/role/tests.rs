use warren_vocab::UserId;

use super::*;
use crate::{
    Membership,
    permission::{Permission, Vote},
    vocabulary::{Action, Resource},
};

/// One line per resource of a level, as the review reads it.
fn table(set: &PermissionSet) -> Vec<String> {
    let mut lines: Vec<(bool, Resource, Vec<&str>)> = Vec::new();
    for Permission { negate, resource, action } in set.permissions() {
        let resource = resource.unwrap();
        let action = action.map_or("*", Action::as_str);
        match lines.last_mut() {
            Some((no, last, actions)) if (*no, *last) == (negate, resource) => actions.push(action),
            _ => lines.push((negate, resource, vec![action])),
        }
    }
    let line = |(no, resource, actions): (bool, Resource, Vec<&str>)| {
        format!("{}{resource}: {}", if no { "not " } else { "" }, actions.join(" "))
    };
    lines.into_iter().map(line).collect()
}

#[test]
fn the_small_roles_grant_exactly_this() {
    let auditor = table(&SiteRole::Auditor.grants().site);
    assert_eq!(
        auditor,
        [
            "template: read view_insights",
            "user: read",
            "group: read",
            "group_member: *",
            "organization: read",
            "organization_member: read",
            "assign_org_role: read",
            "audit_log: read",
            "connection_log: read",
            "deployment_config: read",
            "deployment_stats: *",
            "aibridge_interception: read",
            "boundary_log: read",
        ]
    );
    let template_admin = table(&SiteRole::TemplateAdmin.grants().site);
    assert_eq!(
        template_admin,
        [
            "workspace: read",
            "workspace_dormant: read",
            "prebuilt_workspace: *",
            "template: *",
            "file: *",
            "provisioner_daemon: *",
            "user: read",
            "group: read",
            "group_member: *",
            "organization: read",
            "organization_member: read",
        ]
    );
    let user_admin = table(&SiteRole::UserAdmin.grants().site);
    assert_eq!(
        user_admin,
        [
            "user: *",
            "group: *",
            "group_member: *",
            "organization: read",
            "organization_member: *",
            "assign_role: *",
            "assign_org_role: read assign unassign",
            "idpsync_settings: *",
        ]
    );
    let member = table(&SiteRole::Member.grants().site);
    assert_eq!(member, ["assign_role: read", "workspace_proxy: read", "oauth2_app: read"]);
    let ban = table(&OrganizationRole::WorkspaceCreationBan.grants().organization);
    assert_eq!(ban, ["not workspace: create delete create_agent delete_agent"]);
    let agents = table(&OrganizationRole::AgentsAccess.grants().member);
    assert_eq!(agents, ["chat: create read update share"]);
}

/// What an otherwise all-embracing level leaves out.
fn missing(set: &PermissionSet) -> Vec<String> {
    let mut lines = Vec::new();
    for resource in Resource::ALL {
        let gone: Vec<_> = resource
            .actions()
            .iter()
            .filter(|action| set.vote(*resource, **action) != Vote::Yes)
            .map(|action| action.as_str())
            .collect();
        if gone.len() == resource.actions().len() {
            lines.push(format!("{resource}: *"));
        } else if !gone.is_empty() {
            lines.push(format!("{resource}: {}", gone.join(" ")));
        }
    }
    lines
}

#[test]
fn the_large_roles_leave_out_exactly_this() {
    assert_eq!(
        missing(&SiteRole::Owner.grants().site),
        [
            "workspace_dormant: start ssh application_connect",
            "user_secret: *",
            "user_skill: create update",
            "ai_seat: *",
            "ai_gateway_key: update",
            "boundary_log: create delete",
            "boundary_usage: *",
            "usage_event: *",
        ]
    );
    assert_eq!(
        missing(&OrganizationRole::Admin.grants().organization),
        [
            "workspace: ssh application_connect",
            "workspace_dormant: start ssh application_connect",
            "workspace_build_orchestration: *",
            "user_secret: *",
            "assign_role: *",
            "ai_seat: *",
            "boundary_log: *",
            "boundary_usage: *",
        ]
    );
    assert_eq!(
        missing(&SiteRole::Member.grants().user),
        [
            "workspace: *",
            "workspace_dormant: *",
            "prebuilt_workspace: *",
            "chat: *",
            "user: create update delete",
            "organization_member: *",
        ]
    );
}

#[test]
fn names_lead_back_to_their_roles_and_unknown_ones_to_none() {
    for role in SiteRole::ALL {
        assert_eq!(SiteRole::parse(role.as_str()), Some(*role));
    }
    for role in OrganizationRole::ALL {
        assert_eq!(OrganizationRole::parse(role.as_str()), Some(*role));
    }
    assert_eq!(SiteRole::parse("root"), None);
    assert_eq!(OrganizationRole::parse("owner"), None);
}

fn holder(roles: &[SiteRole], inside: &[OrganizationRole]) -> (Subject, OrganizationId) {
    let organization = OrganizationId::new();
    let memberships = vec![Membership::new(organization, inside.to_vec())];
    (Subject::new(UserId::new(), roles.to_vec(), memberships), organization)
}

/// Roles held on the site and in the organization, roles handed out on both, and whether custom ones may be.
type Coverage = (
    &'static [SiteRole],
    &'static [OrganizationRole],
    &'static [SiteRole],
    &'static [OrganizationRole],
    bool,
);

#[test]
fn each_administrator_hands_out_the_roles_of_the_matrix() {
    use OrganizationRole::{Admin, AgentsAccess, Member, UserAdmin, WorkspaceAccess};
    let cases: &[Coverage] = &[
        (&[SiteRole::Owner], &[], SiteRole::ALL, OrganizationRole::ALL, true),
        (&[SiteRole::UserAdmin], &[], &[SiteRole::Member], &[WorkspaceAccess, AgentsAccess, Member], false),
        (&[], &[Admin], &[], OrganizationRole::ALL, true),
        (&[], &[UserAdmin], &[], &[WorkspaceAccess, AgentsAccess, Member], false),
        (&[SiteRole::Auditor, SiteRole::TemplateAdmin], &[OrganizationRole::TemplateAdmin], &[], &[], false),
    ];
    for (site, inside, site_roles, organization_roles, custom) in cases {
        let (subject, organization) = holder(site, inside);
        let may: Vec<_> =
            SiteRole::ALL.iter().copied().filter(|role| may_assign_site_role(&subject, *role)).collect();
        assert_eq!(may, *site_roles, "{site:?} {inside:?}");
        let may = |role: &OrganizationRole| may_assign_organization_role(&subject, organization, Some(*role));
        let may: Vec<_> = OrganizationRole::ALL.iter().copied().filter(may).collect();
        assert_eq!(may, *organization_roles, "{site:?} {inside:?}");
        assert_eq!(may_assign_organization_role(&subject, organization, None), *custom);
        let elsewhere = may_assign_organization_role(&subject, OrganizationId::new(), Some(Member));
        assert_eq!(elsewhere, site.contains(&SiteRole::Owner) || site.contains(&SiteRole::UserAdmin));
    }
}
