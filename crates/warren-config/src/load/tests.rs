use std::{fs, time::Duration};

use super::*;
use crate::{source::Source, tree::TlsVersion};

struct Given {
    inputs: Inputs,
    _dir: tempfile::TempDir,
}

fn given(flags: &[(&str, &str)], env: &[(&str, &str)], yaml: &str) -> Given {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("warren.yaml");
    fs::write(&path, yaml).unwrap();
    let mut inputs = Inputs::default();
    for (flag, text) in flags {
        inputs.flags.entry((*flag).to_owned()).or_default().push((*text).to_owned());
    }
    inputs.env.insert("HOME".into(), "/home/ada".into());
    inputs.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    inputs.file = Some(path);
    Given { inputs, _dir: dir }
}

fn loaded(flags: &[(&str, &str)], env: &[(&str, &str)], yaml: &str) -> ServerConfig {
    load(&given(flags, env, yaml).inputs).unwrap()
}

fn refused(flags: &[(&str, &str)], env: &[(&str, &str)], yaml: &str) -> String {
    load(&given(flags, env, yaml).inputs).unwrap_err().to_string()
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_file() {
    let yaml = "networking:\n  http:\n    sessionDuration: 1h\n  accessURL: https://file.example.com\n";
    let env = [("CODER_SESSION_DURATION", "2h")];
    let config = loaded(&[("session-duration", "3h")], &env, yaml);
    assert_eq!(config.session.duration, Duration::from_secs(3 * 3600));
    assert_eq!(config.sources.of("session-duration"), Source::Flag);
    let config = loaded(&[], &env, yaml);
    assert_eq!(config.session.duration, Duration::from_secs(2 * 3600));
    assert_eq!(config.sources.of("session-duration"), Source::Env);
    let config = loaded(&[], &[], yaml);
    assert_eq!(config.session.duration, Duration::from_secs(3600));
    assert_eq!(config.sources.of("session-duration"), Source::File);
    assert_eq!(config.http.access_url.unwrap().host_str(), Some("file.example.com"));
    assert_eq!(loaded(&[], &[], "").sources.of("session-duration"), Source::Default);
}

#[test]
fn our_own_variable_wins_over_the_compatible_one_and_an_empty_one_is_none() {
    let env = [("CODER_TLS_MIN_VERSION", "tls12"), ("WARREN_TLS_MIN_VERSION", "tls13")];
    assert_eq!(loaded(&[], &env, "").http.tls.min_version, TlsVersion::Tls13);
    let env = [("CODER_TLS_MIN_VERSION", "tls13"), ("WARREN_TLS_MIN_VERSION", "")];
    assert_eq!(loaded(&[], &env, "").http.tls.min_version, TlsVersion::Tls13);
}

#[test]
fn the_file_can_be_named_by_a_variable() {
    let mut given = given(&[], &[], "updateCheck: 1\n");
    let path = given.inputs.file.take().unwrap();
    given.inputs.env.insert("CODER_CONFIG_PATH".into(), path.display().to_string());
    assert!(load(&given.inputs).unwrap_err().to_string().contains("unknown key updateCheck"));
    given.inputs.env.insert("WARREN_CONFIG_PATH".into(), "/nowhere.yaml".into());
    let error = load(&given.inputs).unwrap_err().to_string();
    assert!(error.contains("the configuration file /nowhere.yaml cannot be read"), "{error}");
}

#[test]
fn an_unknown_variable_stops_with_the_one_that_was_meant() {
    let error = refused(&[], &[("WARREN_ACESS_URL", "https://x")], "");
    assert!(
        error.contains("WARREN_ACESS_URL") && error.contains("did you mean WARREN_ACCESS_URL?"),
        "{error}"
    );
    let error = refused(&[], &[("WARREN_POSTGRES_URL", "postgres://x")], "");
    assert!(error.contains("did you mean WARREN_PG_CONNECTION_URL?"), "{error}");
    let error = refused(&[], &[("WARREN_FROBNICATION", "1")], "");
    assert!(error.contains("unset it"), "{error}");
}

#[test]
fn variables_of_others_do_not_stop_a_server() {
    loaded(
        &[],
        &[
            ("CODER_CACHE_DIRECTORY", "/cache"),
            ("CODER_EXTERNAL_AUTH_0_ID", "x"),
            ("WARREN_URL", "https://x"),
            ("WARREN_TEST_POSTGRES_URL", "postgres://x"),
            ("WARREN_PORT", "tcp://10.0.0.1:80"),
            ("WARREN_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("WARREN_SERVICE_HOST", "10.0.0.1"),
        ],
        "",
    );
}

#[test]
fn an_unknown_key_of_the_file_stops_with_the_one_that_was_meant() {
    let error = refused(&[], &[], "networking:\n  acessURL: https://x\n");
    assert!(error.contains("networking.acessURL; did you mean networking.accessURL?"), "{error}");
    let error = refused(&[], &[], "accessURL: https://x\n");
    assert!(error.contains("did you mean networking.accessURL?"), "{error}");
    let error = refused(&[], &[], "oidc:\n  clientSecret: hush\n");
    assert!(error.contains("WARREN_OIDC_CLIENT_SECRET") && !error.contains("hush"), "{error}");
}

#[test]
fn a_bad_value_names_the_option_its_source_and_what_is_expected() {
    assert_eq!(
        refused(&[("tls-min-version", "ssl3")], &[], ""),
        "--tls-min-version is set to \"ssl3\", which is not one of tls12, tls13"
    );
    assert_eq!(
        refused(&[], &[("CODER_SESSION_DURATION", "soon")], ""),
        "CODER_SESSION_DURATION is set to \"soon\", which is not a duration such as 90s, 1h30m or 7d"
    );
    let error = refused(&[], &[], "networking:\n  http:\n    sessionDuration: [1h]\n");
    assert!(error.starts_with("networking.http.sessionDuration in "), "{error}");
    assert!(error.ends_with("is set to [\"1h\"], which is not a single value"), "{error}");
    let error = refused(&[], &[], "networking: 3\n");
    assert!(error.contains("which is not a group of keys"), "{error}");
}

#[test]
fn a_file_that_is_not_yaml_is_refused_in_one_line() {
    let error = refused(&[], &[], "networking: [\n");
    assert!(error.contains("is not YAML") && !error.contains('\n'), "{error}");
    assert!(refused(&[], &[], "- a\n").contains("keys at the top"));
}

#[test]
fn maps_lists_and_empty_keys_of_a_file_are_taken() {
    let yaml = "oidc:\n  userRoleMapping:\n    ops: [owner]\n  scopes:\n    - openid\n  issuerURL:\n# end\n";
    let config = loaded(&[], &[], yaml);
    assert_eq!(config.oidc.user_role_mapping["ops"], ["owner"]);
    assert_eq!(config.oidc.scopes, ["openid"]);
    assert_eq!(config.sources.of("oidc-issuer-url"), Source::Default);
}

#[test]
fn data_is_kept_with_the_user_unless_told_otherwise() {
    assert_eq!(loaded(&[], &[], "").database.data_dir, PathBuf::from("/home/ada/.local/share/warren"));
    let env = [("XDG_DATA_HOME", "/data")];
    assert_eq!(loaded(&[], &env, "").database.data_dir, PathBuf::from("/data/warren"));
    assert_eq!(loaded(&[("data-dir", "/d")], &env, "").database.data_dir, PathBuf::from("/d"));
}
