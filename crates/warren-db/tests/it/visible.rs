//! Lists hold exactly what the decision lets the caller read, for every role, on the engine under test.

use std::collections::BTreeSet;

use chrono::Utc;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;
use warren_authz::{
    Action, ActionSet, Grants, ListFilter, Membership, Object, OrganizationRole, PermissionSet, Resource,
    Scope, SiteRole, Subject, allows, list_filter,
};
use warren_db::{
    Database, DbError, Tx,
    entity::{
        ai_providers, chat_model_configs, chats, organization_members, organizations, templates, users,
        workspaces,
    },
    query::{self, Page, chats::Search},
};
use warren_db_testkit::TestDatabase;
use warren_vocab::{GroupId, LoginType, OrganizationId, UserId};

struct World {
    db: Database,
    _test: TestDatabase,
    organizations: Vec<Uuid>,
    users: Vec<Uuid>,
    /// Organization and account.
    members: Vec<(Uuid, Uuid)>,
    /// Id, owner and organization.
    workspaces: Vec<(Uuid, Uuid, Uuid)>,
    chats: Vec<(Uuid, Uuid, Uuid)>,
    /// Id and organization.
    templates: Vec<(Uuid, Uuid)>,
}

impl World {
    /// Three organizations and three accounts that all belong to the first two and own something everywhere.
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let db = test.database();
        let default = query::organizations::default(db.reader()).await.unwrap().unwrap().id;
        let mut world = Self {
            db,
            _test: test,
            organizations: vec![default, Uuid::new_v4(), Uuid::new_v4()],
            users: (0..3).map(|_| Uuid::new_v4()).collect(),
            members: Vec::new(),
            workspaces: Vec::new(),
            chats: Vec::new(),
            templates: Vec::new(),
        };
        let db = world.db.clone();
        db.write(async |tx| world.fill(tx).await).await.unwrap();
        world
    }

    async fn fill(&mut self, tx: &Tx) -> Result<(), DbError> {
        for id in &self.organizations[1..] {
            query::organizations::insert(tx, organization(*id)).await?;
        }
        for id in &self.users {
            let name = id.simple().to_string();
            let user = users::Model {
                id: *id,
                ..users::Model::new(format!("{name}@x"), name, LoginType::None, Utc::now())
            };
            query::users::insert(tx, user).await?;
        }
        let model = add_model(tx).await?;
        for organization in self.organizations.clone() {
            let template = template(organization, self.users[0]);
            self.templates.push((template.id, organization));
            let template_id = template.id;
            query::templates::insert(tx, template).await?;
            for user in self.users.clone() {
                if organization != self.organizations[2] {
                    query::organizations::insert_member(tx, member(organization, user)).await?;
                    self.members.push((organization, user));
                }
                let workspace = workspace(user, organization, template_id);
                self.workspaces.push((workspace.id, user, organization));
                query::workspaces::insert(tx, workspace).await?;
                let chat = chat(user, organization, model);
                self.chats.push((chat.id, user, organization));
                chats::Entity::insert(chat.into_active_model()).exec_without_returning(tx).await?;
            }
        }
        Ok(())
    }

    /// One subject for every role alone, one without roles, some with scopes and a role of an organization's own.
    fn subjects(&self) -> Vec<Subject> {
        let user = UserId::from_uuid(self.users[0]);
        let inside = |roles: &[OrganizationRole]| {
            vec![
                Membership::new(OrganizationId::from_uuid(self.organizations[0]), roles.to_vec()),
                Membership::new(OrganizationId::from_uuid(self.organizations[1]), vec![]),
            ]
        };
        let plain = Subject::new(user, vec![], inside(&[]));
        let site = SiteRole::ALL.iter().map(|role| Subject { roles: vec![*role], ..plain.clone() });
        let roles = OrganizationRole::ALL
            .iter()
            .map(|role| Subject { memberships: inside(&[*role]), ..plain.clone() });
        let scoped = [
            ("workspace:read", String::from("*:*")),
            ("coder:all", format!("workspace:{}", self.workspaces[0].0)),
            ("coder:all", format!("template:{}", self.templates[0].0)),
            ("coder:all", format!("user:{}", self.users[1])),
        ];
        let scoped: Vec<_> = scoped
            .iter()
            .flat_map(|(name, entry)| {
                let scope = Scope::from_names(&[*name], &[entry]).unwrap();
                let owner = Subject { roles: vec![SiteRole::Owner], scope: scope.clone(), ..plain.clone() };
                let memberships = inside(&[OrganizationRole::WorkspaceAccess]);
                [owner, Subject { scope, memberships, ..plain.clone() }]
            })
            .collect();
        let mut custom = plain.clone();
        let read = PermissionSet::EMPTY.with(Resource::Chat, &[Action::Read]);
        custom.memberships[0].custom.push(Grants { member: read, ..Grants::NONE });
        let stranger = Subject { memberships: vec![], ..plain.clone() };
        site.chain(roles).chain(scoped).chain([plain.clone(), custom, stranger]).collect()
    }
}

fn organization(id: Uuid) -> organizations::Model {
    let at = Utc::now();
    organizations::Model {
        id,
        name: id.simple().to_string(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        is_default: false,
        created_at: at,
        updated_at: at,
        deleted: false,
        default_org_member_roles: json!([]),
        shareable_workspace_owners: String::from("everyone"),
    }
}

fn member(organization_id: Uuid, user_id: Uuid) -> organization_members::Model {
    let at = Utc::now();
    organization_members::Model { organization_id, user_id, roles: json!([]), created_at: at, updated_at: at }
}

fn template(organization_id: Uuid, created_by: Uuid) -> templates::Model {
    let at = Utc::now();
    templates::Model {
        id: Uuid::new_v4(),
        organization_id,
        created_by,
        created_at: at,
        updated_at: at,
        deleted: false,
        name: String::from("thing"),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        provisioner: String::from("terraform"),
        active_version_id: Uuid::nil(),
        default_ttl_ms: 0,
        activity_bump_ms: 0,
        failure_ttl_ms: 0,
        time_til_dormant_ms: 0,
        time_til_dormant_autodelete_ms: 0,
        allow_user_autostart: true,
        allow_user_autostop: true,
        allow_user_cancel_workspace_jobs: true,
        require_active_version: false,
        deprecation_message: String::new(),
        max_port_share_level: String::from("owner"),
        cors_behavior: String::from("simple"),
        use_classic_parameter_flow: true,
    }
}

fn workspace(owner_id: Uuid, organization_id: Uuid, template_id: Uuid) -> workspaces::Model {
    let at = Utc::now();
    let id = Uuid::new_v4();
    workspaces::Model {
        id,
        owner_id,
        organization_id,
        template_id,
        name: id.simple().to_string(),
        created_at: at,
        updated_at: at,
        deleted: false,
        autostart_schedule: None,
        ttl_ms: None,
        last_used_at: at,
        dormant_at: None,
        deleting_at: None,
        next_start_at: None,
        automatic_updates: String::from("never"),
        favorite: false,
    }
}

pub(crate) async fn add_model(tx: &Tx) -> Result<Uuid, DbError> {
    let at = Utc::now();
    let provider = ai_providers::Model {
        id: Uuid::new_v4(),
        type_: String::from("openai-compat"),
        name: String::from("somewhere"),
        display_name: String::new(),
        icon: String::new(),
        enabled: true,
        deleted: false,
        base_url: String::new(),
        settings: serde_json::json!({}),
        created_at: at,
        updated_at: at,
    };
    let model = chat_model_configs::Model {
        id: Uuid::new_v4(),
        ai_provider_id: provider.id,
        model: String::from("m"),
        display_name: String::new(),
        enabled: true,
        is_default: true,
        deleted: false,
        context_limit: 1000,
        compression_threshold: 70,
        options: json!({}),
        created_at: at,
        updated_at: at,
    };
    let id = model.id;
    query::ai_providers::insert(tx, provider).await?;
    query::chat_model_configs::insert(tx, model).await?;
    Ok(id)
}

fn chat(owner_id: Uuid, organization_id: Uuid, model: Uuid) -> chats::Model {
    chats::Model::idle(owner_id, organization_id, model, Utc::now())
}

/// The ids of the objects that the decision lets the subject read.
fn readable<T>(subject: &Subject, all: &[T], object: impl Fn(&T) -> Object) -> BTreeSet<Uuid> {
    let objects = all.iter().map(object);
    objects.filter(|one| allows(subject, Action::Read, one)).filter_map(|one| one.id).collect()
}

fn owned(resource: Resource) -> impl Fn(&(Uuid, Uuid, Uuid)) -> Object {
    move |(id, owner, organization)| {
        let (owner, organization) = (UserId::from_uuid(*owner), OrganizationId::from_uuid(*organization));
        Object::owned_in(resource, owner, organization).with_id(*id)
    }
}

/// Everybody in an organization may read its templates.
fn template_object((id, organization): &(Uuid, Uuid)) -> Object {
    let everybody = GroupId::from_uuid(*organization);
    Object::of_organization(Resource::Template, OrganizationId::from_uuid(*organization))
        .with_group_acl(everybody, ActionSet::of(&[Action::Read]))
        .with_id(*id)
}

#[tokio::test]
async fn lists_and_counts_hold_what_the_decision_lets_the_caller_read() {
    let world = World::new().await;
    let reader = world.db.reader();
    let anybody = query::users::Filter::default();
    for subject in world.subjects() {
        let filter = |resource| list_filter(&subject, resource);
        let shown = format!("{:?} {:?} {:?}", subject.roles, subject.memberships, subject.scope);

        let users = query::users::list(reader, &filter(Resource::User), &anybody, None, Page::default())
            .await
            .unwrap();
        let listed: BTreeSet<_> = users.iter().map(|row| row.id).collect();
        let expected = readable(&subject, &world.users, |id| Object::user(UserId::from_uuid(*id)));
        assert_eq!(listed, expected, "users for {shown}");
        let count = query::users::count(reader, &filter(Resource::User), &anybody).await.unwrap();
        assert_eq!(count, expected.len() as u64);

        let rows =
            query::organizations::list_readable(reader, &filter(Resource::Organization)).await.unwrap();
        let listed: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        let object = |id: &Uuid| Object::organization(OrganizationId::from_uuid(*id));
        assert_eq!(listed, readable(&subject, &world.organizations, object), "organizations for {shown}");

        let search = query::workspaces::Filter {
            visible: Some(filter(Resource::Workspace)),
            ..query::workspaces::Filter::default()
        };
        let rows = query::workspaces::list(reader, &search, Page::default()).await.unwrap();
        let listed: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        let expected = readable(&subject, &world.workspaces, owned(Resource::Workspace));
        assert_eq!(listed, expected, "workspaces for {shown}");
        assert_eq!(query::workspaces::count(reader, &search).await.unwrap(), expected.len() as u64);

        let rows = query::templates::list(reader, &filter(Resource::Template), None).await.unwrap();
        let listed: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        let expected = readable(&subject, &world.templates, template_object);
        assert_eq!(listed, expected, "templates for {shown}");
    }
}

#[tokio::test]
async fn members_and_chats_are_filtered_as_the_decision_says() {
    let world = World::new().await;
    let reader = world.db.reader();
    for subject in world.subjects() {
        let shown = format!("{:?} {:?} {:?}", subject.roles, subject.memberships, subject.scope);
        for organization in &world.organizations {
            let of = OrganizationId::from_uuid(*organization);
            let filter = query::members::Filter::of(of, list_filter(&subject, Resource::OrganizationMember));
            let rows = query::members::list(reader, &filter, Page::default()).await.unwrap();
            let listed: BTreeSet<_> = rows.iter().map(|(row, _)| row.user_id).collect();
            let all: Vec<_> = world.members.iter().filter(|(id, _)| id == organization).copied().collect();
            let expected = readable(&subject, &all, |(_, user)| Object::member(of, UserId::from_uuid(*user)));
            assert_eq!(listed, expected, "members for {shown}");
            assert_eq!(query::members::count(reader, &filter).await.unwrap(), expected.len() as u64);
        }
        for owner in &world.users {
            let filter = list_filter(&subject, Resource::Chat);
            let owner_id = UserId::from_uuid(*owner);
            let rows =
                query::chats::list(reader, &filter, &Search::of(owner_id), Page::default()).await.unwrap();
            let listed: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
            let all: Vec<_> = world.chats.iter().filter(|(_, user, _)| user == owner).copied().collect();
            assert_eq!(listed, readable(&subject, &all, owned(Resource::Chat)), "chats for {shown}");
        }
    }
}

#[tokio::test]
async fn a_filter_for_everything_holds_for_every_row() {
    let world = World::new().await;
    let filter = ListFilter::everything(UserId::new());
    let anybody = query::users::Filter::default();
    let users = query::users::count(world.db.reader(), &filter, &anybody).await.unwrap();
    assert_eq!(users, world.users.len() as u64);
}
