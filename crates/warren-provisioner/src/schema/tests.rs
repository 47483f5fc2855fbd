use super::*;

fn agent(extra: impl Fn(&mut Value)) -> Value {
    let mut value = Value::object([("arch", "amd64".into()), ("os", "linux".into())]);
    extra(&mut value);
    value
}

fn summaries(name: &str, value: &Value) -> Vec<String> {
    let schema = find(Kind::Resource, name).unwrap();
    check(schema, value).into_iter().map(|finding| finding.summary).collect()
}

#[test]
fn every_known_type_of_the_provider_has_a_schema() {
    let names = |kind| {
        let mut names: Vec<_> = all().filter(|s| s.kind == kind).map(|s| s.name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        names(Kind::Resource),
        [
            "coder_agent",
            "coder_agent_instance",
            "coder_ai_task",
            "coder_app",
            "coder_devcontainer",
            "coder_env",
            "coder_external_agent",
            "coder_metadata",
            "coder_script",
        ]
    );
    assert_eq!(
        names(Kind::Data),
        [
            "coder_external_auth",
            "coder_parameter",
            "coder_provisioner",
            "coder_secret",
            "coder_task",
            "coder_workspace",
            "coder_workspace_owner",
            "coder_workspace_preset",
            "coder_workspace_tags",
        ]
    );
}

#[test]
fn a_new_agent_has_its_defaults_and_unknown_gaps() {
    let schema = find(Kind::Resource, "coder_agent").unwrap();
    let planned = complete(&schema.block, &agent(|_| {}), &Value::Unknown);
    assert_eq!(planned.get("connection_timeout"), &Value::Int(120));
    assert_eq!(planned.get("auth").text(), "token");
    for name in ["id", "token", "init_script", "display_apps"] {
        assert!(planned.get(name).is_unknown(), "{name}");
    }
    let made = complete(&schema.block, &agent(|_| {}), &Value::Null);
    let apps = &made.get("display_apps").items()[0];
    assert_eq!(apps.get("vscode").as_bool(), Some(true));
    assert_eq!(apps.get("vscode_insiders").as_bool(), Some(false));
}

#[test]
fn rules_name_the_value_and_point_at_it() {
    let bad = agent(|a| a.set("os", "plan9"));
    assert_eq!(
        summaries("coder_agent", &bad),
        [r#"expected os to be one of ["linux", "darwin", "windows"], got "plan9""#]
    );
    let schema = find(Kind::Resource, "coder_agent").unwrap();
    assert_eq!(check(schema, &bad)[0].path, [Step::Name("os".into())]);
}

#[test]
fn unknown_values_are_not_judged() {
    assert!(summaries("coder_agent", &agent(|a| a.set("os", Value::Unknown))).is_empty());
}

#[test]
fn repeated_metadata_keys_are_found() {
    let item = || Value::object([("key", "cpu".into())]);
    let bad = agent(|a| a.set("metadata", Value::List(vec![item(), item()])));
    assert_eq!(summaries("coder_agent", &bad), [r#"duplicate agent metadata key "cpu""#]);
    let bad = Value::object([("resource_id", "x".into()), ("item", Value::List(vec![item(), item()]))]);
    assert_eq!(summaries("coder_metadata", &bad), [r#"duplicate resource metadata key "cpu""#]);
}

#[test]
fn a_script_needs_an_occasion_to_run() {
    let script = |extra: &[(&str, Value)]| {
        let mut value = Value::object([("agent_id", "x".into()), ("display_name", "x".into())]);
        extra.iter().for_each(|(name, v)| value.set(name, v.clone()));
        summaries("coder_script", &value)
    };
    assert_eq!(script(&[]).len(), 1);
    assert!(script(&[("run_on_start", true.into())]).is_empty());
    assert!(script(&[("run_on_start", Value::Unknown)]).is_empty());
    assert!(script(&[("cron", "0 */5 * * * *".into())]).is_empty());
    assert!(script(&[("cron", "*/5 * * * *".into())])[0].contains("five fields"));
    assert!(script(&[("cron", "often".into())])[0].contains("1 fields"));
    let blocking = script(&[("run_on_stop", true.into()), ("start_blocks_login", true.into())]);
    assert!(blocking[0].contains("run_on_start"));
}

#[test]
fn an_app_has_a_slug_and_no_conflicting_targets() {
    let app = |slug: &str, extra: &[(&str, Value)]| {
        let mut value = Value::object([("agent_id", "x".into()), ("slug", slug.into())]);
        extra.iter().for_each(|(name, v)| value.set(name, v.clone()));
        summaries("coder_app", &value)
    };
    assert!(app("code-server", &[("url", "http://localhost:1".into())]).is_empty());
    assert!(app("Code_Server", &[])[0].contains("must match"));
    let both = [("url", "http://localhost:1".into()), ("command", "vim".into())];
    assert_eq!(app("a", &both), [r#""command": conflicts with url"#]);
}

#[test]
fn types_that_warren_cannot_act_upon_say_so() {
    let found = summaries("coder_devcontainer", &Value::object([("workspace_folder", "/w".into())]));
    assert_eq!(found, ["coder_devcontainer is not supported yet"]);
    let preset = find(Kind::Data, "coder_workspace_preset").unwrap();
    let found = check(preset, &Value::object([("name", "small".into())]));
    assert_eq!(found[0].severity, Severity::Warning);
}

#[test]
fn a_foreign_state_is_brought_into_shape() {
    let schema = find(Kind::Resource, "coder_agent").unwrap();
    let state = agent(|a| a.set("login_before_ready", true));
    let shaped = conform(&schema.block, &state);
    let Value::Map(map) = &shaped else { panic!("an object stays an object") };
    assert_eq!(map.len(), schema.block.attributes.len() + schema.block.blocks.len());
    assert!(!map.contains_key("login_before_ready"));
    assert_eq!(shaped.get("metadata"), &Value::List(vec![]));
}

#[test]
fn the_order_of_a_set_does_not_matter_and_that_of_a_list_does() {
    let schema = find(Kind::Resource, "coder_agent").unwrap();
    let volumes = |paths: &[&str]| {
        let volume = |path: &&str| Value::object([("path", (*path).into())]);
        let inner = Value::object([("volume", Value::List(paths.iter().map(volume).collect()))]);
        agent(|a| a.set("resources_monitoring", Value::List(vec![inner.clone()])))
    };
    assert!(same_config(&schema.block, &volumes(&["/a", "/b"]), &volumes(&["/b", "/a"])));
    let keys = |keys: &[&str]| {
        let item = |key: &&str| Value::object([("key", (*key).into())]);
        agent(|a| a.set("metadata", Value::List(keys.iter().map(item).collect())))
    };
    assert!(!same_config(&schema.block, &keys(&["a", "b"]), &keys(&["b", "a"])));
}
