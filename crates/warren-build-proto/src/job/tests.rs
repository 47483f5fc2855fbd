use chrono::TimeDelta;

use super::*;

const STATES: [JobStatus; 6] = [
    JobStatus::Pending,
    JobStatus::Running,
    JobStatus::Canceling,
    JobStatus::Succeeded,
    JobStatus::Canceled,
    JobStatus::Failed,
];

/// The table of the module's documentation; a column is an input, "–" is illegal.
fn table() -> Vec<(JobStatus, Vec<String>)> {
    let source = include_str!("../job.rs");
    source
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .skip(1)
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .map(|mut cells| {
            let name = cells.remove(0);
            cells.truncate(6);
            let state = STATES.into_iter().find(|state| state.as_str() == name);
            (state.unwrap_or_else(|| panic!("unknown state {name}")), cells)
        })
        .collect()
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn worker() -> RunnerId {
    RunnerId::from_uuid(uuid::Uuid::from_u128(1))
}

fn job(status: JobStatus) -> Job {
    let now = start();
    let pending = Job::pending(now);
    let run = |job: &Job, input| step(job, input, now).unwrap().0;
    let running = run(&pending, JobInput::Acquire { worker: worker() });
    match status {
        JobStatus::Pending | JobStatus::Unknown => pending,
        JobStatus::Running => running,
        JobStatus::Canceling => run(&running, JobInput::Cancel),
        JobStatus::Succeeded => run(&running, JobInput::Complete { worker: worker() }),
        JobStatus::Canceled => run(&pending, JobInput::Cancel),
        JobStatus::Failed => {
            run(&running, JobInput::Fail { worker: worker(), error: "broken".into(), code: None })
        }
    }
}

fn inputs() -> [Vec<JobInput>; 6] {
    let worker = worker();
    [
        vec![JobInput::Acquire { worker }],
        vec![JobInput::Heartbeat { worker }, JobInput::Log { worker }],
        vec![JobInput::Complete { worker }],
        vec![JobInput::Fail { worker, error: "broken".into(), code: None }],
        vec![JobInput::Cancel],
        vec![JobInput::OwnerLost { error: "gone".into() }],
    ]
}

#[test]
fn the_documented_table_is_what_the_machine_does() {
    let table = table();
    assert_eq!(table.len(), STATES.len());
    for (state, cells) in table {
        for (cell, inputs) in cells.iter().zip(inputs()) {
            for input in inputs {
                let found = match step(&job(state), input.clone(), start()) {
                    Ok((job, _)) => job.status().as_str().to_owned(),
                    Err(_) => "–".to_owned(),
                };
                assert_eq!(&found, cell, "{state:?} with {input:?}");
            }
        }
    }
}

#[test]
fn a_worker_cannot_touch_the_job_of_another() {
    let other = RunnerId::from_uuid(uuid::Uuid::from_u128(2));
    for input in [
        JobInput::Heartbeat { worker: other },
        JobInput::Complete { worker: other },
        JobInput::Fail { worker: other, error: "no".into(), code: None },
    ] {
        assert_eq!(step(&job(JobStatus::Running), input, start()), Err(Illegal::NotOwner));
    }
}

#[test]
fn cancelling_a_running_job_interrupts_its_worker_and_a_pending_one_ends_at_once() {
    let (_, effects) = step(&job(JobStatus::Running), JobInput::Cancel, start()).unwrap();
    assert!(effects.contains(&Effect::InterruptWorker));
    let (ended, effects) = step(&job(JobStatus::Pending), JobInput::Cancel, start()).unwrap();
    assert_eq!(ended.completed_at, ended.canceled_at);
    assert!(effects.contains(&Effect::AnnounceEndOfLog));
}

#[test]
fn the_clock_fails_silent_jobs_only_after_their_limit() {
    for (status, minutes, expected) in [
        (JobStatus::Pending, 29, JobStatus::Pending),
        (JobStatus::Pending, 31, JobStatus::Failed),
        (JobStatus::Running, 4, JobStatus::Running),
        (JobStatus::Running, 6, JobStatus::Failed),
        (JobStatus::Canceling, 6, JobStatus::Failed),
        (JobStatus::Succeeded, 600, JobStatus::Succeeded),
    ] {
        let (after, effects) =
            step(&job(status), JobInput::Clock, start() + TimeDelta::minutes(minutes)).unwrap();
        assert_eq!(after.status(), expected, "{status:?} after {minutes} minutes");
        let reaped = effects.iter().any(|effect| matches!(effect, Effect::WriteReaperLines(_)));
        assert_eq!(reaped, status != expected);
        assert_eq!(
            after.is_complete(),
            after.status() != JobStatus::Pending && after.status() != JobStatus::Running
        );
    }
}

#[test]
fn a_heartbeat_postpones_the_reaper() {
    let later = start() + TimeDelta::minutes(4);
    let (alive, _) = step(&job(JobStatus::Running), JobInput::Heartbeat { worker: worker() }, later).unwrap();
    let (after, _) = step(&alive, JobInput::Clock, later + TimeDelta::minutes(4)).unwrap();
    assert_eq!(after.status(), JobStatus::Running);
}

#[test]
fn a_failure_without_words_is_still_a_failure() {
    let input = JobInput::Fail { worker: worker(), error: String::new(), code: None };
    let (after, _) = step(&job(JobStatus::Running), input, start()).unwrap();
    assert_eq!(after.status(), JobStatus::Failed);
}
