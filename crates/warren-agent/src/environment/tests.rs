use super::*;

fn manifest(variables: &[(&str, &str)]) -> Manifest {
    let variables: BTreeMap<_, _> = variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    serde_json::from_value(serde_json::json!({
        "agent_id": uuid::Uuid::nil(), "agent_name": "main", "owner_username": "ada", "workspace_id": uuid::Uuid::nil(),
        "workspace_name": "lab", "environment_variables": variables,
    }))
    .unwrap()
}

fn built(manifest: &Manifest, process: &[(&str, &str)], requested: &[(&str, &str)]) -> Variables {
    let own = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<Variables>()
    };
    let process = own(process);
    let sources = Sources {
        manifest,
        token: "secret",
        server_url: "http://warren/",
        process: &process,
        user: "ada",
        home: "/home/ada",
        shell: "/bin/bash",
        executable_dir: "/opt/warren",
        script_bin_dir: "/tmp/bin",
    };
    build(&sources, own(requested))
}

#[test]
fn a_session_cannot_replace_what_identifies_the_workspace() {
    let variables =
        built(&manifest(&[]), &[("CODER", "no")], &[("CODER_WORKSPACE_NAME", "other"), ("LANG", "C")]);
    assert_eq!(variables["CODER"], "true");
    assert_eq!(variables["CODER_WORKSPACE_NAME"], "lab");
    assert_eq!(variables["LANG"], "C");
}

#[test]
fn the_template_wins_over_the_process_and_the_session() {
    let variables = built(&manifest(&[("LANG", "en"), ("CODER", "x")]), &[("LANG", "de")], &[("LANG", "fr")]);
    assert_eq!(variables["LANG"], "en");
    assert_eq!(variables["CODER"], "x");
}

#[test]
fn only_the_templates_variables_are_expanded() {
    let variables = built(&manifest(&[("A", "$HOME/bin:${USER}:$$:$nope.")]), &[("B", "$HOME")], &[]);
    assert_eq!(variables["A"], "/home/ada/bin:ada:$$:.");
    assert_eq!(variables["B"], "$HOME");
}

#[test]
fn path_has_the_script_directory_first_and_the_executables_last() {
    let variables = built(&manifest(&[]), &[("PATH", "/bin")], &[]);
    assert_eq!(variables["PATH"], "/tmp/bin:/bin:/opt/warren");
}

#[test]
fn a_tilde_stands_for_home_only_at_the_start() {
    let variables = Variables::from([("P".into(), "proj".into())]);
    assert_eq!(expand_path("~/$P", "/home/ada", &variables), "/home/ada/proj");
    assert_eq!(expand_path("~", "/home/ada", &variables), "/home/ada");
    assert_eq!(expand_path("/a/~/b", "/home/ada", &variables), "/a/~/b");
}
