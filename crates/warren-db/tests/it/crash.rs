//! `kill -9` of a process that writes: what it was told is stored, is stored.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use sea_orm::EntityTrait;
use warren_db::{Database, Location, entity::users};
use warren_db_testkit::TestPlace;

use crate::support::{insert, user};

/// Tells the writing process where to write; without it that test does nothing.
const LOCATION: &str = "WARREN_CRASH_TEST_LOCATION";
const N_ACKNOWLEDGED: usize = 40;

/// The process that is killed: writes rows for ever and prints a line for each that is stored.
#[tokio::test]
async fn writer() {
    let Ok(location) = std::env::var(LOCATION) else { return };
    let db = Database::open(&location.parse().unwrap()).await.unwrap();
    for n in 0.. {
        db.write(async |tx| insert(tx, user(&format!("user{n}@example.com"))).await).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nstored {n}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn rows_that_were_acknowledged_survive_a_killed_writer() {
    let place = TestPlace::new().await;
    let location = match place.location() {
        Location::Sqlite { data_dir } => data_dir.display().to_string(),
        Location::Postgres { url } => url.clone(),
    };
    for round in 0..3 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writer", "--nocapture"])
            .env(LOCATION, &location)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let stored =
            lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("stored ")?.to_owned()));
        let acknowledged: Vec<_> = stored.take(N_ACKNOWLEDGED).collect();
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!(acknowledged.len(), N_ACKNOWLEDGED, "round {round}");
        let db = place.open().await;
        let rows = users::Entity::find().all(db.reader()).await.unwrap();
        for n in acknowledged {
            let email = format!("user{n}@example.com");
            assert!(rows.iter().any(|row| row.email == email), "{email} is lost in round {round}");
        }
        db.write(async |tx| {
            users::Entity::delete_many().exec(tx).await?;
            Ok::<_, warren_db::DbError>(())
        })
        .await
        .unwrap();
        db.close().await.unwrap();
    }
}
