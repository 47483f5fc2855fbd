//! The same queue with several servers on it. On SQLite there is one, and it races with itself.

use std::collections::BTreeSet;

use futures::future::join_all;
use warren_db::{ConnectionTrait, DbError};

use super::*;

/// Three servers on the database of the fixture.
async fn servers(fixture: &Fixture) -> [App; 3] {
    let mut all = Vec::new();
    for _ in 0..3 {
        let db = fixture.database.second_handle().await.unwrap_or_else(|| fixture.database.database());
        all.push(App::new(db, Sealer::from_key(&[7; 32]), "http://127.0.0.1:1/".parse().unwrap()));
    }
    all.try_into().unwrap_or_else(|_| panic!("there are three"))
}

async fn run(app: &App, statement: &str) {
    let work = async |tx: &Tx| {
        tx.execute_unprepared(statement).await?;
        Ok::<_, DbError>(())
    };
    app.db().write(work).await.unwrap();
}

#[tokio::test]
async fn servers_that_look_for_work_at_once_take_each_job_once() {
    const N_JOBS: usize = 12;
    let fixture = Fixture::new().await;
    for _ in 0..N_JOBS {
        fixture.push().await;
    }
    let servers = servers(&fixture).await;
    let takers = (0..9).map(|n| {
        let app = &servers[n % servers.len()];
        async move {
            let mut taken = Vec::new();
            let worker = RunnerId::new();
            while let Some(job) = app.acquire_job(worker).await.unwrap() {
                taken.push((job.id, worker));
            }
            taken
        }
    });
    let taken: Vec<_> = join_all(takers).await.into_iter().flatten().collect();
    let jobs: BTreeSet<_> = taken.iter().map(|(job, _)| *job).collect();
    assert_eq!((taken.len(), jobs.len()), (N_JOBS, N_JOBS));
    for (job, worker) in taken {
        assert_eq!(fixture.job(job).await.worker_id, Some(worker.as_uuid()));
    }
}

#[tokio::test]
async fn a_job_of_a_kind_that_only_a_newer_server_knows_waits_for_it() {
    let fixture = Fixture::new().await;
    let strange = fixture.push().await;
    let strange = fixture.app.version_job(&fixture.actor, strange).await.unwrap();
    run(&fixture.app, "UPDATE provisioner_jobs SET type = 'rewind'").await;
    let known = fixture.push().await;
    let (job, _) = fixture.acquire().await;
    assert_eq!(fixture.app.version_job(&fixture.actor, known).await.unwrap(), job.id);
    assert!(fixture.app.acquire_job(RunnerId::new()).await.unwrap().is_none());
    let row = fixture.job(strange).await;
    assert_eq!((row.started_at, row.error), (None, None));
    let begun = "UPDATE provisioner_jobs SET started_at = created_at WHERE type = 'rewind'";
    run(&fixture.app, begun).await;
    assert_eq!(fixture.app.begun_jobs().await.unwrap(), [(job.id, JobType::TemplateVersionImport)]);
}

#[tokio::test]
async fn several_reapers_end_a_dead_job_once() {
    let fixture = Fixture::new().await;
    fixture.push().await;
    let (job, _) = fixture.acquire().await;
    let servers = servers(&fixture).await;
    let row = fixture.job(job.id).await;
    let updated_at = row.updated_at - TimeDelta::minutes(6);
    let silent = query::jobs::Progress { updated_at, ..progress(&job_of(&row)) };
    let write = async |tx: &Tx| query::jobs::set_progress(tx, job.id, silent).await;
    fixture.app.db().write(write).await.unwrap();
    let reaped = join_all(servers.iter().map(App::reap_jobs)).await;
    let n_reaped: usize = reaped.into_iter().map(Result::unwrap).sum();
    assert_eq!((n_reaped, fixture.app.job_logs(job.id, 0).await.unwrap().len()), (1, 5));
}

#[tokio::test]
async fn jobs_that_wait_do_not_hide_dead_ones_from_the_reaper() {
    let fixture = Fixture::new().await;
    fixture.push().await;
    let (job, _) = fixture.acquire().await;
    for _ in 0..REAPED_MAX {
        fixture.push().await;
    }
    let since = |minutes| (Utc::now() - TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:%S+00:00");
    run(&fixture.app, &format!("UPDATE provisioner_jobs SET updated_at = '{}'", since(20))).await;
    let begun =
        format!("UPDATE provisioner_jobs SET updated_at = '{}' WHERE started_at IS NOT NULL", since(6));
    run(&fixture.app, &begun).await;
    assert_eq!(fixture.app.reap_jobs().await.unwrap(), 1);
    assert!(fixture.job(job.id).await.completed_at.is_some());
}

#[tokio::test]
async fn the_life_of_a_job_is_judged_by_the_clock_of_the_database() {
    let mut fixture = Fixture::new().await;
    if fixture.app.db().is_exclusive() {
        // There is one clock.
        return;
    }
    fixture.database.skew_clock(10).await;
    let [app, other, _] = servers(&fixture).await;
    fixture.app = app.clone();
    let pushed = fixture.push().await;
    let pushed = fixture.app.version_job(&fixture.actor, pushed).await.unwrap();
    let posted_at = fixture.job(pushed).await.created_at;
    assert!(posted_at - Utc::now() > TimeDelta::minutes(5), "the queue is in its order: {posted_at}");
    let worker = RunnerId::new();
    let job = app.acquire_job(worker).await.unwrap().unwrap();
    app.job_heartbeat(job.id, worker).await.unwrap();
    let row = fixture.job(job.id).await;
    assert!(row.updated_at - Utc::now() > TimeDelta::minutes(5), "{}", row.updated_at);
    assert_eq!(other.reap_jobs().await.unwrap(), 0);
    app.append_job_logs(job.id, worker, vec![line("alive")]).await.unwrap();
}
