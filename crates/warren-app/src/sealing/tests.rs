use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;
use warren_db::{
    entity::{ai_provider_keys, ai_providers, user_links, users},
    query::sealed,
};
use warren_db_testkit::TestDatabase;
use warren_vocab::{LoginType, UserId};

use super::*;
use crate::job_input::{JobInput, VariableValue};
use crate::now;

struct Fixture {
    db: Database,
    dir: TempDir,
    _database: TestDatabase,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        Self { db: database.database(), dir: tempfile::tempdir().unwrap(), _database: database }
    }

    async fn open(&self, external: &[&str]) -> Result<Sealer, KeysError> {
        let external: Vec<_> = external.iter().map(|text| Secret::new((*text).to_owned())).collect();
        open_keys(&self.db, KeySources { external: &external, data_dir: self.dir.path() }).await
    }

    async fn ids(&self) -> Vec<String> {
        query::sealing_keys::list(self.db.reader()).await.unwrap().into_iter().map(|row| row.id).collect()
    }

    /// Stores a user with a link, and model provider keys: more rows than a batch has.
    async fn fill(&self, sealer: &Sealer, n_keys: usize) -> UserId {
        let at = now();
        let user = users::Model::new("a@x.org", "ada", LoginType::Oidc, at);
        let id = UserId::from_uuid(user.id);
        let link = user_links::Model {
            user_id: user.id,
            login_type: LoginType::Oidc.to_string(),
            linked_id: String::from("issuer||1"),
            sealed_access_token: sealer.seal(b"access"),
            sealed_refresh_token: Vec::new(),
            expires_at: None,
            refresh_lease_until: None,
            claims: json!({}),
            created_at: at,
            updated_at: at,
        };
        let provider = provider(at);
        let keys = (0..n_keys).map(|number| ai_provider_keys::Model {
            id: Uuid::new_v4(),
            provider_id: provider.id,
            sealed: sealer.seal(format!("key {number}").as_bytes()),
            masked: number.to_string(),
            created_at: at,
        });
        let keys: Vec<_> = keys.collect();
        let written = self.db.write(async |tx| {
            query::users::insert(tx, user).await?;
            query::user_links::insert(tx, link).await?;
            query::ai_providers::insert(tx, provider).await?;
            for key in keys {
                query::ai_providers::insert_key(tx, key).await?;
            }
            Ok::<_, DbError>(())
        });
        written.await.unwrap();
        id
    }

    async fn values(&self) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        for column in sealed::COLUMNS {
            let rows = sealed::batch(self.db.reader(), *column, None, 10_000).await.unwrap();
            values.extend(rows.into_iter().map(|(_, value)| value).filter(|value| !value.is_empty()));
        }
        values
    }
}

fn provider(at: chrono::DateTime<chrono::Utc>) -> ai_providers::Model {
    ai_providers::Model {
        id: Uuid::new_v4(),
        type_: String::from("openai"),
        name: String::from("p"),
        display_name: String::new(),
        icon: String::new(),
        enabled: true,
        deleted: false,
        base_url: String::new(),
        settings: serde_json::json!({}),
        created_at: at,
        updated_at: at,
    }
}

fn key(byte: u8) -> String {
    BASE64.encode([byte; 32])
}

#[tokio::test]
async fn a_first_start_makes_a_key_file_and_later_starts_need_it() {
    let fixture = Fixture::new().await;
    let first = fixture.open(&[]).await.unwrap();
    assert_eq!(fixture.open(&[]).await.unwrap().key_id(), first.key_id());
    assert_eq!(fixture.ids().await, [first.key_id().to_string()]);
    std::fs::remove_file(Sealer::key_file(fixture.dir.path())).unwrap();
    let error = fixture.open(&[]).await.unwrap_err();
    assert!(matches!(error, KeysError::Missing { id, .. } if id == first.key_id()), "{error}");
    assert!(!Sealer::has_key_file(fixture.dir.path()), "no new key takes the place of the lost one");
}

#[tokio::test]
async fn a_server_with_another_key_file_is_refused_and_told_which_key_is_missing() {
    let fixture = Fixture::new().await;
    let first = fixture.open(&[]).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    Sealer::load_or_create(other.path()).unwrap();
    let sources = KeySources { external: &[], data_dir: other.path() };
    let error = open_keys(&fixture.db, sources).await.unwrap_err().to_string();
    assert!(error.contains(&first.key_id().to_string()) && error.contains("copy of the key file"), "{error}");
    std::fs::copy(Sealer::key_file(fixture.dir.path()), Sealer::key_file(other.path())).unwrap();
    assert_eq!(open_keys(&fixture.db, sources).await.unwrap().key_id(), first.key_id());
}

#[tokio::test]
async fn of_two_first_starts_at_the_same_time_one_key_remains() {
    let fixture = Fixture::new().await;
    let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let starts =
        dirs.iter().map(|dir| open_keys(&fixture.db, KeySources { external: &[], data_dir: dir.path() }));
    let outcomes = futures::future::join_all(starts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(fixture.ids().await.len(), 1);
}

#[tokio::test]
async fn external_keys_take_over_from_the_key_file() {
    let fixture = Fixture::new().await;
    let file = fixture.open(&[]).await.unwrap();
    let sealed = file.seal(b"old");
    let external = fixture.open(&[&key(1)]).await.unwrap();
    assert_ne!(external.key_id(), file.key_id());
    assert_eq!(external.open(&sealed).unwrap(), b"old");
    assert_eq!(fixture.ids().await.len(), 2);
    let error = fixture.open(&["nonsense"]).await.unwrap_err();
    assert!(matches!(error, KeysError::Seal(SealError::KeyText { number: 1 })), "{error}");
    let gone = fixture.open(&[]).await.unwrap_err();
    assert!(matches!(gone, KeysError::Missing { id, .. } if id == external.key_id()), "{gone}");
}

#[tokio::test]
async fn a_rotation_reseals_everything_and_frees_the_old_key() {
    let fixture = Fixture::new().await;
    let old = fixture.open(&[&key(1)]).await.unwrap();
    fixture.fill(&old, 250).await;
    let both = fixture.open(&[&key(2), &key(1)]).await.unwrap();
    let rotation = rotate(&fixture.db, &both).await.unwrap();
    assert_eq!(rotation, Rotation { n_resealed: 251, n_current: 0 });
    let values = fixture.values().await;
    assert_eq!(values.len(), 251);
    let new = fixture.open(&[&key(2)]).await.expect("the old key is not needed any more");
    let mut plain: Vec<_> = values.iter().map(|value| new.open(value).unwrap()).collect();
    plain.sort();
    plain.dedup();
    assert_eq!(plain.len(), 251);
    assert_eq!(rotate(&fixture.db, &new).await.unwrap(), Rotation { n_resealed: 0, n_current: 251 });
}

#[tokio::test]
async fn a_rotation_that_was_killed_is_finished_by_the_next() {
    let fixture = Fixture::new().await;
    let old = fixture.open(&[&key(1)]).await.unwrap();
    fixture.fill(&old, 250).await;
    let both = fixture.open(&[&key(2), &key(1)]).await.unwrap();
    // A value that no key opens ends the run in the middle of a table, as a kill between two batches does.
    let column = sealed::COLUMNS[0];
    let rows = sealed::batch(fixture.db.reader(), column, None, 1000).await.unwrap();
    let (last, value) = rows.last().unwrap().clone();
    let foreign = Sealer::from_key(&[9; 32]).seal(b"?");
    let replaced =
        fixture.db.write(async |tx| sealed::replace(tx, column, &last, value.clone(), foreign.clone()).await);
    assert!(replaced.await.unwrap());
    let error = rotate(&fixture.db, &both).await.unwrap_err();
    assert!(error.to_string().contains("ai_provider_keys"), "{error}");
    let n_new = fixture.values().await.iter().filter(|value| !both.is_old(value)).count();
    assert!((100..250).contains(&n_new), "{n_new}");
    assert_eq!(fixture.ids().await.len(), 2, "the old key is still in use");
    let repaired = fixture.db.write(async |tx| sealed::replace(tx, column, &last, foreign, value).await);
    assert!(repaired.await.unwrap());
    rotate(&fixture.db, &both).await.unwrap();
    let new = fixture.open(&[&key(2)]).await.unwrap();
    assert!(fixture.values().await.iter().all(|value| new.open(value).is_ok()));
}

#[tokio::test]
async fn a_value_that_changed_meanwhile_is_not_overwritten() {
    let fixture = Fixture::new().await;
    let old = fixture.open(&[&key(1)]).await.unwrap();
    fixture.fill(&old, 1).await;
    let column = sealed::COLUMNS[0];
    let (row, _) = sealed::batch(fixture.db.reader(), column, None, 1).await.unwrap().remove(0);
    let written =
        fixture.db.write(async |tx| sealed::replace(tx, column, &row, b"stale".to_vec(), vec![2]).await);
    assert!(!written.await.unwrap());
}

#[tokio::test]
async fn forgetting_leaves_nothing_sealed_and_lets_a_new_key_begin() {
    let fixture = Fixture::new().await;
    let lost = fixture.open(&[&key(1)]).await.unwrap();
    let user = fixture.fill(&lost, 3).await;
    let external = [Secret::new(key(2))];
    let sources = KeySources { external: &external, data_dir: fixture.dir.path() };
    assert_eq!(forget(&fixture.db, sources).await.unwrap().n_rows, 4);
    assert!(fixture.values().await.is_empty());
    let next = fixture.open(&[&key(2)]).await.unwrap();
    assert_eq!(fixture.ids().await, [next.key_id().to_string()]);
    let no_keys = KeySources { external: &[], data_dir: fixture.dir.path() };
    forget(&fixture.db, no_keys).await.unwrap();
    let file = fixture.open(&[]).await.expect("a key file was made");
    assert_eq!(fixture.ids().await, [file.key_id().to_string()]);
    let link = query::user_links::of_user(fixture.db.reader(), user, LoginType::Oidc).await.unwrap().unwrap();
    assert_eq!(link.linked_id, "issuer||1");
}

/// A new table with bytes must be listed as sealed or not, or its values would be lost when the key changes.
#[tokio::test]
async fn every_column_of_bytes_is_listed() {
    let fixture = Fixture::new().await;
    let reader = fixture.db.reader();
    let sql = match reader.get_database_backend() {
        sea_orm::DbBackend::Postgres => {
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type = 'bytea'"
        }
        _ => {
            "SELECT m.name AS t, p.name AS c FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND lower(p.type) LIKE '%blob%'"
        }
    };
    let rows =
        reader.query_all_raw(Statement::from_string(reader.get_database_backend(), sql)).await.unwrap();
    let text = |row: &sea_orm::QueryResult, name| row.try_get::<String>("", name).unwrap();
    let mut found: Vec<_> = rows.iter().map(|row| (text(row, "t"), text(row, "c"))).collect();
    found.sort();
    let sealed = sealed::COLUMNS.iter().map(|column| (column.table, column.column));
    let listed = sealed.chain(sealed::NOT_SEALED.iter().copied());
    let mut listed: Vec<_> = listed.map(|(table, column)| (table.to_owned(), column.to_owned())).collect();
    listed.sort();
    assert_eq!(found, listed);
}

#[test]
fn inputs_of_jobs_can_be_sealed_anew() {
    let sealer = Sealer::from_key(&[3; 32]);
    let variables = [VariableValue { name: String::from("token"), value: String::from("hunter2") }];
    let mut input = JobInput::import(warren_vocab::TemplateVersionId::new(), &variables, &sealer);
    let plain = sealer.open(&BASE64.decode(input.sealed().unwrap()).unwrap()).unwrap();
    let new = Sealer::from_key(&[4; 32]);
    assert!(input.set_sealed(Some(BASE64.encode(new.seal(&plain)))));
    assert_eq!(input.variables(&new).unwrap(), variables);
}
