//! Entries of the audit log commit with the changes that they describe.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;
use warren_app::{
    Actor, AppError, Origin,
    audit::{Entry, record},
    templates::TemplateChange,
};
use warren_authz::{ListFilter, Resource, list_filter};
use warren_db::{
    entity::audit_logs,
    query::{self, Page, audit_logs::Filter},
};
use warren_vocab::{AuditAction, RequestId, ResourceType, TemplateId};

use crate::support::Deployment;

async fn entries(deployment: &Deployment, filter: &Filter) -> Vec<audit_logs::Model> {
    query::audit_logs::list(deployment.app.db().reader(), filter, Page::default()).await.unwrap()
}

fn of_template(id: TemplateId) -> Filter {
    Filter {
        resource_type: Some(ResourceType::Template),
        resource_id: Some(id.as_uuid()),
        ..Filter::default()
    }
}

fn readable_by(actor: &Actor) -> ListFilter {
    list_filter(&actor.subject, Resource::AuditLog)
}

fn change(name: &str) -> TemplateChange {
    TemplateChange { name: Some(name.to_owned()), ..TemplateChange::default() }
}

#[tokio::test]
async fn a_change_leaves_an_entry_with_origin_actor_and_diff() {
    let deployment = Deployment::new().await;
    let (id, _) = deployment.template("docker").await;
    let request = RequestId::new();
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let origin = Origin::request(request, Some(address), "curl/8", 200);
    let owner = deployment.owner.clone().with_origin(origin);

    deployment.app.update_template(&owner, id, change("podman")).await.unwrap();

    let filter = Filter { request: Some(request), ..Filter::default() };
    let found = entries(&deployment, &filter).await;
    let [entry] = found.as_slice() else { panic!("one entry, not {found:?}") };
    assert_eq!(entry.diff, json!({ "name": { "old": "docker", "new": "podman", "secret": false } }));
    assert_eq!((entry.action.as_str(), entry.resource_id), ("write", id.as_uuid()));
    assert_eq!((entry.user_id, entry.ip.as_deref()), (Some(owner.user.id), Some("192.0.2.7")));
    assert_eq!((entry.user_agent.as_str(), entry.status_code), ("curl/8", 200));
    assert_eq!(entry.resource_target, "podman");
    assert_eq!(entry.organization_id, Some(deployment.organization.as_uuid()));
}

#[tokio::test]
async fn a_refused_change_leaves_no_entry() {
    let deployment = Deployment::new().await;
    let (id, _) = deployment.template("docker").await;
    deployment.template("podman").await;
    let before = entries(&deployment, &of_template(id)).await.len();

    let refused = deployment.app.update_template(&deployment.owner, id, change("podman")).await;

    assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
    assert_eq!(entries(&deployment, &of_template(id)).await.len(), before);
}

#[tokio::test]
async fn a_change_whose_transaction_fails_after_the_entry_leaves_neither() {
    let deployment = Deployment::new().await;
    let (id, _) = deployment.template("docker").await;
    let before = entries(&deployment, &of_template(id)).await.len();
    let owner = &deployment.owner;

    let written = deployment.app.db().write(async |tx| {
        query::templates::delete(tx, id, warren_app::now()).await?;
        let entry = Entry::bare(AuditAction::Delete, ResourceType::Template, id.as_uuid(), "docker");
        record(tx, owner, entry).await?;
        Err::<(), _>(AppError::conflict("too late"))
    });

    assert!(written.await.is_err());
    assert_eq!(entries(&deployment, &of_template(id)).await.len(), before);
    deployment.app.find_template(owner, id).await.unwrap();
}

#[tokio::test]
async fn entries_are_found_by_what_they_say() {
    let deployment = Deployment::new().await;
    let (id, _) = deployment.template("docker").await;
    let all = entries(&deployment, &of_template(id)).await;
    let [entry] = all.as_slice() else { panic!("one entry, not {all:?}") };
    let organization = Some(deployment.organization);
    let matching = [
        Filter { resource_target: Some(String::from("DOCK")), organization, ..of_template(id) },
        Filter { username: Some(String::from("ADA")), ..of_template(id) },
        Filter { email: Some(String::from("ada@example.com")), ..of_template(id) },
        Filter { from: Some(entry.time), action: Some(AuditAction::Create), ..of_template(id) },
        Filter { visible: Some(readable_by(&deployment.owner)), ..of_template(id) },
    ];
    for filter in matching {
        assert_eq!(entries(&deployment, &filter).await, all, "{filter:?}");
    }
    let others = [
        Filter { resource_target: Some(String::from("d_cker")), ..of_template(id) },
        Filter { username: Some(String::from("bob")), ..of_template(id) },
        Filter { before: Some(entry.time), ..of_template(id) },
        Filter { action: Some(AuditAction::Delete), ..of_template(id) },
        Filter { visible: Some(readable_by(&deployment.member)), ..of_template(id) },
    ];
    for filter in others {
        assert!(entries(&deployment, &filter).await.is_empty(), "{filter:?}");
    }
}

#[tokio::test]
async fn old_entries_are_deleted_in_steps() {
    let deployment = Deployment::new().await;
    deployment.template("docker").await;
    let db = deployment.app.db();
    let total = entries(&deployment, &Filter::default()).await.len() as u64;
    assert!(total >= 2);
    let later = db.now() + chrono::TimeDelta::seconds(1);

    let delete = async |tx: &warren_db::Tx| query::audit_logs::delete_before(tx, later, 1).await;
    assert_eq!(db.write(delete).await.unwrap(), 1);
    let all = Filter::default();
    assert_eq!(query::audit_logs::count(db.reader(), &all, 100).await.unwrap(), total - 1);
}
