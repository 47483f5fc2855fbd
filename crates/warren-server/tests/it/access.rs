//! Walks every route with every kind of caller and compares the outcome with `access/table.txt`, which people review.
//!
//! `WARREN_UPDATE_ACCESS_TABLE=1` writes what the server does into the table; look at the difference before you commit it.

use std::{fmt::Write, path::PathBuf};

use reqwest::{Method, StatusCode};
use warren_server::{PERMISSIONS, Permission, Who};

use crate::support::TestServer;

mod bodies;
pub(crate) mod callers;
pub(crate) mod objects;

use callers::{CALLERS, World};
use objects::Values;

const UPDATE: &str = "WARREN_UPDATE_ACCESS_TABLE";

const LEGEND: &str = "\
# What each caller gets from each route. Reviewed by people; the test tests/it/access.rs compares it with the server.
#
# + done   b refused for another reason than rights (400, 409, ...)   u 401   f 403   n 404
#
# other: the objects in the path are of organization A and belong to somebody else. own: they belong to the caller, in the
# caller's own organization: A for the six callers in the middle, B for the stranger and the callers with site roles.
#
# anon         no credentials            stranger     member of B               t-admin   site template-admin
# expired      a session that has ended  member       member of A               u-admin   site user-admin
# suspended    a suspended account       o-admin      organization-admin        auditor   site auditor
# agent        a workspace agent         o-template   its template-admin        owner     site owner
# scope        an owner's token with     o-user       its user-admin
#              the scope workspace:read  o-audit      its auditor
";

/// Where the objects in a path belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Other,
    Own,
}

impl Whose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Own => "own",
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_whom_the_table_says() {
    let server = TestServer::empty_with(|config| {
        config.rate_limit.disable_all = true;
        // No template here is worth planning.
        config.provisioner.terraform = Some(PathBuf::from("/bin/false"));
    })
    .await;
    let world = World::new(server.server.database().clone(), server.server.address()).await;
    let mut table = String::from(LEGEND);
    write_header(&mut table);
    for row in PERMISSIONS {
        for whose in [Whose::Other, Whose::Own] {
            if whose == Whose::Own && !objects::can_be_owned(row.method, row.path) {
                continue;
            }
            let outcomes = outcomes(&world, row, whose).await;
            let route = format!("{} {}", row.method, row.path);
            writeln!(table, "{}{:<6}{route}", columns(&outcomes), whose.as_str()).unwrap();
        }
    }
    compare(&table);
}

async fn outcomes(world: &World, row: &Permission, whose: Whose) -> Vec<char> {
    let requests = world.prepare(row, whose).await;
    let mut outcomes = Vec::new();
    for (caller, values) in CALLERS.iter().zip(requests) {
        let status = send(world, row, &values).await;
        let outcome = class(status);
        let told = format!("{} {} ({}) as {}", row.method, row.path, whose.as_str(), caller.name);
        assert_ne!(outcome, 'E', "{told} failed with {status}");
        if row.who != Who::Anyone && caller.is_nobody() {
            assert_eq!(outcome, 'u', "{told} must ask for credentials, got {status}");
        }
        outcomes.push(outcome);
    }
    outcomes
}

async fn send(world: &World, row: &Permission, values: &Values) -> StatusCode {
    let method: Method = row.method.parse().unwrap();
    let path = values.fill(&bodies::with_query(row.path));
    let url = format!("http://{}{path}", world.address);
    let mut request = world.client.request(method, url);
    if let Some(token) = &values.token {
        request = request.header("coder-session-token", token);
    }
    if bodies::is_socket(row.path) {
        request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    let request = bodies::with_body(request, row.method, row.path, values);
    request.send().await.unwrap_or_else(|error| panic!("{} {}: {error}", row.method, row.path)).status()
}

fn class(status: StatusCode) -> char {
    match status {
        StatusCode::UNAUTHORIZED => 'u',
        StatusCode::FORBIDDEN => 'f',
        StatusCode::NOT_FOUND => 'n',
        status if status.is_client_error() => 'b',
        status if status.is_server_error() => 'E',
        _ => '+',
    }
}

fn columns(cells: &[impl ToString]) -> String {
    cells.iter().map(|cell| format!("{:<11}", cell.to_string())).collect()
}

fn write_header(table: &mut String) {
    let names: Vec<_> = CALLERS.iter().map(|caller| caller.name).collect();
    writeln!(table, "\n{}{:<6}route", columns(&names), "whose").unwrap();
}

fn compare(actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/access/table.txt");
    // The only way to rewrite a file that is compared here.
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    let difference: Vec<String> = reviewed
        .lines()
        .filter(|line| !actual.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"))
        .chain(
            actual
                .lines()
                .filter(|line| !reviewed.lines().any(|other| other == *line))
                .map(|line| format!("+ {line}")),
        )
        .collect();
    assert!(
        difference.is_empty(),
        "the table (-) and the server (+) differ; review, and set {UPDATE}=1 to write the table:\n{}",
        difference.join("\n")
    );
    assert_eq!(reviewed, actual, "the table has the right lines in another order");
}
