//! Copying a deployment between engines.

use std::collections::BTreeSet;

use chrono::{SubsecRound, Utc};
use sea_orm::{
    ActiveValue::NotSet, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryOrder,
    Statement,
};
use serde_json::json;
use uuid::Uuid;
use warren_db::{
    CopyError, Database, DbError, Location, copy,
    entity::{
        chat_messages, chats, files, organization_members, organizations, provisioner_job_logs,
        provisioner_jobs, users,
    },
    query::{self, chats::Expected},
};
use warren_db_testkit::TestPlace;
use warren_vocab::JobType;

use crate::support::{insert, user};

/// More than one batch of the table with the most rows.
const N_LOGS: usize = 1234;
/// Tables of which every database fills its own.
const OWN: [&str; 2] = ["seaql_migrations", "schema_compatibility"];

/// Everything that a copy must bring over.
#[derive(Debug, PartialEq)]
struct Rows {
    users: Vec<users::Model>,
    organizations: Vec<organizations::Model>,
    members: Vec<organization_members::Model>,
    files: Vec<files::Model>,
    jobs: Vec<provisioner_jobs::Model>,
    logs: Vec<provisioner_job_logs::Model>,
}

async fn rows(db: &Database) -> Rows {
    let reader = db.reader();
    Rows {
        users: users::Entity::find().order_by_asc(users::Column::Email).all(reader).await.unwrap(),
        organizations: organizations::Entity::find().all(reader).await.unwrap(),
        members: organization_members::Entity::find().all(reader).await.unwrap(),
        files: files::Entity::find().all(reader).await.unwrap(),
        jobs: provisioner_jobs::Entity::find().all(reader).await.unwrap(),
        logs: provisioner_job_logs::Entity::find()
            .order_by_asc(provisioner_job_logs::Column::Id)
            .all(reader)
            .await
            .unwrap(),
    }
}

fn log(job: Uuid, output: &str) -> provisioner_job_logs::ActiveModel {
    let model = provisioner_job_logs::Model {
        id: 0,
        job_id: job,
        created_at: Utc::now().trunc_subsecs(6),
        source: String::from("provisioner"),
        level: String::from("info"),
        stage: String::from("Planning"),
        output: output.to_owned(),
    };
    provisioner_job_logs::ActiveModel { id: NotSet, ..model.into_active_model() }
}

/// Fills a new database; the newest log line is deleted again, so that the counter is ahead of the rows.
async fn fill(db: &Database) -> Uuid {
    let now = Utc::now().trunc_subsecs(6);
    let organization = organizations::Entity::find().one(db.reader()).await.unwrap().unwrap().id;
    let owner = users::Model {
        created_at: now,
        updated_at: now,
        roles: json!(["owner", {"ü": 1.5}]),
        last_seen_at: Some(now),
        ..user("ada@example.com")
    };
    let file = files::Model {
        id: Uuid::new_v4(),
        hash: String::from("abc"),
        created_by: owner.id,
        mimetype: String::from("application/x-tar"),
        data: (0..=255).collect(),
        created_at: now,
    };
    let job = provisioner_jobs::Model {
        id: Uuid::new_v4(),
        organization_id: organization,
        initiator_id: owner.id,
        provisioner: String::from("terraform"),
        storage_method: String::from("file"),
        file_id: file.id,
        type_: JobType::TemplateVersionImport.to_string(),
        input: json!({"nested": [null, true, "text"]}),
        tags: json!({}),
        created_at: now,
        updated_at: now,
        started_at: Some(now),
        canceled_at: None,
        completed_at: None,
        error: None,
        error_code: Some(String::from("E1")),
        worker_id: Some(Uuid::new_v4()),
        logs_length: 7,
        logs_overflowed: true,
    };
    let id = job.id;
    db.write(async |tx| {
        let member = organization_members::Model {
            organization_id: organization,
            user_id: owner.id,
            roles: json!([]),
            created_at: now,
            updated_at: now,
        };
        insert(tx, owner).await?;
        insert(tx, users::Model { created_at: now, updated_at: now, ..user("bob@example.com") }).await?;
        organization_members::Entity::insert(member.into_active_model()).exec_without_returning(tx).await?;
        files::Entity::insert(file.into_active_model()).exec_without_returning(tx).await?;
        provisioner_jobs::Entity::insert(job.into_active_model()).exec_without_returning(tx).await?;
        let logs = (0..N_LOGS).map(|n| log(id, &format!("line {n}")));
        provisioner_job_logs::Entity::insert_many(logs).exec_without_returning(tx).await?;
        let newest = i64::try_from(N_LOGS).unwrap();
        provisioner_job_logs::Entity::delete_by_id(newest).exec(tx).await?;
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    id
}

async fn next_log_id(db: &Database, job: Uuid) -> i64 {
    db.write(async |tx| {
        let added = provisioner_job_logs::Entity::insert(log(job, "next")).exec(tx).await?;
        Ok::<_, DbError>(added.last_insert_id)
    })
    .await
    .unwrap()
}

/// From SQLite to the engine of the test run and back to SQLite.
#[tokio::test]
async fn a_deployment_moves_between_engines_and_back() {
    let places = [TestPlace::sqlite(), TestPlace::new().await, TestPlace::sqlite()];
    let db = places[0].open().await;
    let job = fill(&db).await;
    let original = rows(&db).await;
    db.close().await.unwrap();
    drop(db);
    for pair in places.windows(2) {
        let mut steps = Vec::new();
        let report = copy(pair[0].location(), pair[1].location(), |step| steps.push(step)).await.unwrap();
        assert_eq!(report.tables.len(), warren_db::copy::TABLES.len());
        let copied = report.tables.iter().find(|(table, _)| *table == "provisioner_job_logs").unwrap();
        assert_eq!(copied.1, u64::try_from(N_LOGS - 1).unwrap());
        let logs: Vec<_> = steps.iter().filter(|step| step.table == "provisioner_job_logs").collect();
        assert!(logs.len() > 2, "progress is told in between: {logs:?}");
        let db = pair[1].open().await;
        // Not `assert_eq`: the rows would fill screens.
        assert!(rows(&db).await == original, "the copy in {} differs", pair[1].location());
        db.close().await.unwrap();
    }
    let db = places[2].open().await;
    let newest = i64::try_from(N_LOGS).unwrap();
    assert_eq!(next_log_id(&db, job).await, newest + 1, "the key of a deleted row is not given again");
}

#[tokio::test]
async fn generated_keys_go_on_after_a_copy() {
    let (from, to) = (TestPlace::sqlite(), TestPlace::new().await);
    let db = from.open().await;
    let job = fill(&db).await;
    db.close().await.unwrap();
    drop(db);
    copy(from.location(), to.location(), |_| {}).await.unwrap();
    let newest = i64::try_from(N_LOGS).unwrap();
    assert_eq!(next_log_id(&to.open().await, job).await, newest + 1);
}

#[tokio::test]
async fn a_target_with_a_deployment_is_left_alone() {
    let (from, to) = (TestPlace::sqlite(), TestPlace::new().await);
    from.open().await.close().await.unwrap();
    let db = to.open().await;
    db.write(async |tx| insert(tx, user("eve@example.com")).await).await.unwrap();
    let before = rows(&db).await;
    db.close().await.unwrap();
    drop(db);
    let error = copy(from.location(), to.location(), |_| {}).await.unwrap_err();
    assert!(matches!(error, CopyError::NotEmpty { table: "users" }), "{error:?}");
    assert!(matches!(copy(to.location(), to.location(), |_| {}).await, Err(CopyError::Same)));
    assert_eq!(rows(&to.open().await).await, before);
}

#[derive(FromQueryResult)]
struct Name {
    name: String,
}

/// A table that is not listed would be lost without a word.
#[tokio::test]
async fn every_table_is_copied() {
    let place = TestPlace::new().await;
    let db = place.open().await;
    let sql = match place.location() {
        Location::Sqlite { .. } => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        }
        Location::Postgres { .. } => {
            "SELECT table_name::text AS name FROM information_schema.tables \
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        }
    };
    let statement = Statement::from_string(db.reader().get_database_backend(), sql);
    let found = Name::find_by_statement(statement).all(db.reader()).await.unwrap();
    let found: BTreeSet<_> =
        found.into_iter().map(|row| row.name).filter(|name| !OWN.contains(&name.as_str())).collect();
    let copied = warren_db::copy::TABLES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, copied, "add new tables to `for_each_table` in copy.rs");
}

/// A chat whose history was written at several versions, which only a copy may insert.
#[tokio::test]
async fn a_chat_is_copied_with_its_history_and_stays_fenced() {
    let places = [TestPlace::sqlite(), TestPlace::new().await, TestPlace::sqlite()];
    let db = places[0].open().await;
    let chat = fill_chat(&db).await;
    let history = async |db: &Database| {
        let rows = chat_messages::Entity::find().order_by_asc(chat_messages::Column::Id).all(db.reader());
        rows.await.unwrap().into_iter().map(|row| (row.chat_id, row.revision)).collect::<Vec<_>>()
    };
    let original = history(&db).await;
    assert_eq!(original, [(chat, 1), (chat, 2)]);
    db.close().await.unwrap();
    drop(db);
    for pair in places.windows(2) {
        copy(pair[0].location(), pair[1].location(), |_| {}).await.unwrap();
        let db = pair[1].open().await;
        assert_eq!(history(&db).await, original);
        let stray = chat_messages::Model::new(chat, "user", json!([]), 1, Utc::now());
        let stray = db.write(async |tx| query::chat_messages::insert(tx, stray).await).await;
        let error = format!("{:?}", stray.unwrap_err());
        assert!(error.contains("chat_messages_insert_fence"), "{error}");
        db.close().await.unwrap();
    }
}

async fn fill_chat(db: &Database) -> Uuid {
    let organization = organizations::Entity::find().one(db.reader()).await.unwrap().unwrap().id;
    let owner = user("ada@example.com");
    db.write(async |tx| {
        insert(tx, owner.clone()).await?;
        let model = crate::visible::add_model(tx).await?;
        let chat = chats::Model::idle(owner.id, organization, model, Utc::now());
        query::chats::insert(tx, chat.clone()).await?;
        let mut now = chat.clone();
        for revision in [1, 2] {
            let before = Expected { snapshot_version: now.snapshot_version, lease: None };
            (now.snapshot_version, now.history_version) = (revision, revision);
            assert!(query::chats::update(tx, now.clone(), before).await?);
            let message = chat_messages::Model::new(chat.id, "user", json!([]), revision, Utc::now());
            query::chat_messages::insert(tx, message).await?;
        }
        Ok::<_, DbError>(chat.id)
    })
    .await
    .unwrap()
}
