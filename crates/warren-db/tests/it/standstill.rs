//! A server that stands still in the middle of a transaction, as a paused machine does, and goes on later: for how long it
//! holds the others up, and what becomes of its transaction. On SQLite there is no other server.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use warren_db::{Database, DbError, Guard, Tx, query};
use warren_db_testkit::TestDatabase;
use warren_vocab::UserId;

use crate::support::{insert, user};

const DEADLINE: Duration = Duration::from_secs(60);
/// A busy machine may be late, but not each time.
const N_ROUNDS: usize = 5;

#[derive(Debug, Clone, Copy)]
enum Held {
    Serial,
    Guarded,
    Apart,
}

#[tokio::test]
async fn a_server_that_stands_still_in_a_transaction_is_given_up_before_it_is_taken_for_dead() {
    let database = TestDatabase::new().await;
    let Some(other) = database.second_handle().await else { return };
    let db = database.database();
    let ada = user("ada@example.com");
    let id = UserId::from_uuid(ada.id);
    db.write(async |tx| insert(tx, ada).await).await.unwrap();
    for held in [Held::Serial, Held::Guarded, Held::Apart] {
        let mut waits = Vec::new();
        while waits.last().is_none_or(|wait| *wait >= query::replicas::PATIENCE) {
            assert!(waits.len() < N_ROUNDS, "{held:?}: writers elsewhere waited {waits:?}");
            waits.push(stand_still(&db, &other, held, id).await);
        }
    }
    // The server goes on with another connection.
    db.write(async |tx| insert(tx, user("late@example.com")).await).await.unwrap();
}

/// Stands still in a transaction on one server until a writer on the other one is through. Tells how long that one waited.
async fn stand_still(db: &Database, other: &Database, held: Held, id: UserId) -> Duration {
    let (stands, is_standing) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let work = async |tx: &Tx| {
        query::users::locked(tx, id).await?;
        stands.send(()).unwrap();
        may_go_on.await.unwrap();
        insert(tx, user("late@example.com")).await
    };
    let standing = async {
        match held {
            Held::Serial => db.write(work).await,
            Held::Guarded => db.write_guarded(Guard::user(id), work).await,
            Held::Apart => db.write_apart(work).await,
        }
    };
    let waiting = async {
        is_standing.await.unwrap();
        let begun = Instant::now();
        let written = other.write(async |tx| query::users::locked(tx, id).await.map(drop)).await;
        written.expect("the others go on");
        go_on.send(()).unwrap();
        begun.elapsed()
    };
    let (outcome, waited) = timeout(DEADLINE, async { tokio::join!(standing, waiting) }).await.unwrap();
    assert!(matches!(outcome, Err(DbError::Unavailable(_))), "{held:?}: {outcome:?}");
    let late = query::users::by_email(other.reader(), "late@example.com").await.unwrap();
    assert!(late.is_none(), "{held:?}: it is stored");
    waited
}
