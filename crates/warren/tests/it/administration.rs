//! Commands at the database itself, on the engine that the test run chose.

use warren_db_testkit::TestPlace;

use crate::{
    accounts::{PASSWORD, Person, first_user},
    server::Running,
};

const NEW_PASSWORD: &str = "AnotherSecurePassword!";

/// A deployment with an owner, stopped on SQLite and running on PostgreSQL, and the variables that lead to it.
struct Deployment {
    place: TestPlace,
    server: Option<Running>,
    data: Option<tempfile::TempDir>,
    ada: Person,
}

impl Deployment {
    async fn new() -> Self {
        let place = TestPlace::new().await;
        let server = Running::on(&place).await;
        let ada = first_user(&server).await;
        let (server, data) = match place.postgres_url() {
            Some(_) => (Some(server), None),
            None => (None, Some(server.stop())),
        };
        Self { place, server, data, ada }
    }

    async fn run(&self, words: &[&str]) -> warren_testkit::Finished {
        let data = match (&self.data, &self.server) {
            (Some(data), _) => data.path(),
            (None, Some(server)) => server.data.path(),
            (None, None) => panic!("there is neither a server nor its data"),
        };
        let mut env = vec![("CODER_DATA_DIR", data.to_str().unwrap())];
        env.extend(self.place.postgres_url().map(|url| ("CODER_PG_CONNECTION_URL", url)));
        Person::new().run_with(words, &env).await
    }

    async fn serve(self) -> (Running, Person, TestPlace) {
        let server = match (self.server, self.data) {
            (Some(server), _) => server,
            (None, Some(data)) => Running::start_in(data, &[]).await,
            (None, None) => panic!("there is neither a server nor its data"),
        };
        (server, self.ada, self.place)
    }
}

async fn sign_in(server: &Running, email: &str, password: &str) -> Option<i32> {
    Person::new().run(&["login", &server.url, "--email", email, "--password", password]).await.code()
}

#[tokio::test]
async fn an_owner_is_made_without_a_session() {
    let deployment = Deployment::new().await;
    let words =
        ["server", "create-admin-user", "--username", "eve", "--email", "eve@example.com", "--password"];
    let weak: Vec<_> = words.iter().copied().chain(["1234"]).collect();
    let done = deployment.run(&weak).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("(password: "), "{}", done.stderr);
    let good: Vec<_> = words.iter().copied().chain([PASSWORD]).collect();
    let done = deployment.run(&good).await;
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("The owner eve (eve@example.com) has been created"), "{}", done.stdout);
    let done = deployment.run(&good).await;
    assert!(done.stderr.contains("User already exists ("), "{}", done.stderr);
    let (server, ada, _place) = deployment.serve().await;
    assert_eq!(sign_in(&server, "eve@example.com", PASSWORD).await, Some(0));
    // A server that started again has another address.
    let eve = ada.json(&["--url", &server.url, "users", "show", "eve"]).await;
    assert_eq!(eve[0]["roles"][0]["name"], "owner");
}

#[tokio::test]
async fn a_password_is_reset_and_sessions_end() {
    let deployment = Deployment::new().await;
    let done = deployment.run(&["reset-password", "ada", "--password", NEW_PASSWORD]).await;
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    let done = deployment.run(&["reset-password", "nobody", "--password", NEW_PASSWORD]).await;
    assert_eq!(done.stderr, "error: there is no such account\n");
    let (server, ada, _place) = deployment.serve().await;
    assert_eq!(sign_in(&server, "ada@example.com", PASSWORD).await, Some(1));
    assert_eq!(sign_in(&server, "ada@example.com", NEW_PASSWORD).await, Some(0));
    let done = ada.run(&["--url", &server.url, "whoami"]).await;
    assert!(done.stderr.contains("(sign in with `warren login <url>`)"), "the old session: {}", done.stderr);
}

#[tokio::test]
async fn a_running_server_on_sqlite_must_be_stopped_first() {
    let server = Running::start(&[]).await;
    let data = server.data.path().to_str().unwrap();
    let words = ["reset-password", "ada", "--data-dir", data, "--password", NEW_PASSWORD];
    let done = Person::new().run(&words).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("stop the server first"), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1);
}

#[tokio::test]
async fn secrets_are_sealed_with_a_new_key() {
    let deployment = Deployment::new().await;
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let done = deployment.run(&["server", "dbcrypt", "rotate", "--new-key", key, "-y"]).await;
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("were sealed with the new key"), "{}", done.stdout);
    let asked = deployment.run(&["server", "dbcrypt", "delete"]).await;
    assert!(asked.stderr.contains("-y"), "{}", asked.stderr);
}

#[tokio::test]
async fn a_deployment_moves_into_another_database() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    let data = server.stop();
    let target = TestPlace::new().await;
    let to = match target.postgres_url() {
        Some(url) => url.to_owned(),
        None => format!("sqlite://{}", target.data_dir().display()),
    };
    let words = ["server", "db", "copy", "--from", data.path().to_str().unwrap(), "--to", &to];
    let done = Person::new().run(&words).await;
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("were copied, and all arrived"), "{}", done.stdout);
    assert!(done.stderr.contains("users: 1 rows"), "{}", done.stderr);
    let again = Person::new().run(&words).await;
    assert!(again.stderr.contains("the target already holds a deployment"), "{}", again.stderr);

    let token = ada.succeed(&["login", "token"]).await;
    let server = match target.postgres_url() {
        Some(url) => Running::start_in(data, &[("WARREN_PG_CONNECTION_URL", url)]).await,
        None => {
            std::fs::copy(data.path().join("secret.key"), target.data_dir().join("secret.key")).unwrap();
            let place = target.data_dir().display().to_string();
            Running::start_in(data, &[("WARREN_DATA_DIR", &place)]).await
        }
    };
    let who = ["--url", &server.url, "--token", token.trim(), "whoami", "-c", "username"];
    assert_eq!(Person::new().succeed(&who).await, "USERNAME\nada\n", "the session was lost");
}

#[tokio::test]
async fn a_place_that_is_none_is_named() {
    let done = Person::new().run(&["server", "db", "copy", "--from", "mysql://x/y", "--to", "/tmp/x"]).await;
    assert_eq!(done.code(), Some(1));
    assert!(
        done.stderr.contains("--from cannot be used: `mysql` is no known kind of database"),
        "{}",
        done.stderr
    );
}
