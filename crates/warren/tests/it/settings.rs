//! Options of the server: what cannot be used stops the start with one sentence.

use crate::{server::Running, warren};

async fn refused(arguments: &[&str], env: &[(&str, &str)]) -> String {
    let all: Vec<&str> = ["server"].iter().chain(arguments).copied().collect();
    let done = warren(&all, env).await;
    assert_eq!(done.code(), Some(1), "{}", done.stdout);
    done.stderr
}

#[tokio::test]
async fn a_misspelt_variable_stops_the_start() {
    let error = refused(&[], &[("WARREN_ACESS_URL", "https://dev.example.com")]).await;
    assert_eq!(
        error,
        "error: the environment variable WARREN_ACESS_URL is no option of the server; did you mean WARREN_ACCESS_URL?\n"
    );
}

#[tokio::test]
async fn a_misspelt_key_of_the_file_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("warren.yaml");
    std::fs::write(&file, "networking:\n  acessURL: https://dev.example.com\n").unwrap();
    let error = refused(&["--config", file.to_str().unwrap()], &[]).await;
    assert!(
        error.ends_with("unknown key networking.acessURL; did you mean networking.accessURL?\n"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
}

#[tokio::test]
async fn a_misspelt_flag_stops_the_start() {
    let error = refused(&["--acess-url", "https://dev.example.com"], &[]).await;
    assert!(error.contains("--acess-url") && error.contains("--access-url"), "{error}");
}

#[tokio::test]
async fn a_bad_value_is_named_with_its_source() {
    let error = refused(&[], &[("CODER_SESSION_DURATION", "soon")]).await;
    assert!(error.contains("CODER_SESSION_DURATION is set to \"soon\""), "{error}");
    let error = refused(&["--http-address", "3000"], &[]).await;
    assert!(
        error.contains("--http-address is set to \"3000\", which is not an IP address and a port"),
        "{error}"
    );
}

#[tokio::test]
async fn the_first_start_says_how_to_create_the_first_user() {
    let env = [("CODER_ACCESS_URL", "http://dev.example.com"), ("CODER_CACHE_DIRECTORY", "/nowhere")];
    let server = Running::start(&env).await;
    let output = server.output();
    assert!(
        output.contains("Open http://dev.example.com/ in a browser to create the first user"),
        "{output}"
    );
    assert!(output.contains("`warren login http://dev.example.com`"), "{output}");
}

#[tokio::test]
async fn a_later_start_says_only_where_the_server_is() {
    let server = Running::start(&[]).await;
    crate::accounts::first_user(&server).await;
    let data = server.stop();
    let again = Running::start_in(data, &[]).await;
    assert!(!again.output().contains("first user"), "{}", again.output());
}

#[tokio::test]
async fn help_lists_options_by_group_with_variable_and_default() {
    let help = warren(&["server", "--help"], &[]).await.stdout;
    for text in [
        "\nNetworking / TLS:\n",
        "--tls-min-version <WORD>",
        "[env: WARREN_TLS_MIN_VERSION] [default: tls12]",
        "[env: WARREN_PG_CONNECTION_URL]",
    ] {
        assert!(help.contains(text), "{text} is missing in\n{help}");
    }
    assert!(!help.contains("dangerous"), "hidden options are shown");
}
