use serde_json::json;

use super::*;

/// Builds a state from addresses like `docker_container.ws[0]` with values.
fn state(items: &[(&str, serde_json::Value)]) -> Modules {
    let resources: Vec<_> = items
        .iter()
        .map(|(address, values)| {
            let data = address.starts_with("data.");
            let plain = label(address.trim_start_matches("data."));
            let mut words = plain.rsplit('.');
            let (name, kind) = (words.next().unwrap(), words.next().unwrap());
            let mode = if data { "data" } else { "managed" };
            json!({"address": address, "mode": mode, "type": kind, "name": name, "values": values})
        })
        .collect();
    let json = json!({"values": {"root_module": {"resources": resources}}});
    Modules::from_state(json.to_string().as_bytes()).unwrap()
}

/// Builds a graph from `a -> b` lines over labels.
fn dot(edges: &[(&str, &str)]) -> String {
    let mut text = String::from("digraph {\n\tcompound = \"true\"\n\tsubgraph \"root\" {\n");
    let name = |label: &str| format!("\"[root] {} (expand)\"", label.replace('"', "\\\""));
    for label in edges.iter().flat_map(|(a, b)| [a, b]) {
        text +=
            &format!("\t\t{} [label = \"{}\", shape = \"box\"]\n", name(label), label.replace('"', "\\\""));
    }
    for (from, to) in edges {
        text += &format!("\t\t{} -> {}\n", name(from), name(to));
    }
    text + "\t}\n}\n"
}

fn agent(id: &str) -> serde_json::Value {
    json!({"id": id, "auth": "token", "token": "t", "os": "linux", "arch": "amd64"})
}

fn error(items: &[(&str, serde_json::Value)], edges: &[(&str, &str)]) -> String {
    convert(&state(items), &dot(edges)).unwrap_err().to_string()
}

#[test]
fn an_agent_belongs_to_the_nearest_resource_that_depends_on_it() {
    let items = [
        ("coder_agent.main", agent("a")),
        ("docker_container.ws[0]", json!({})),
        ("docker_network.far", json!({})),
        ("coder_app.code", json!({"agent_id": "a", "slug": "code", "id": "1"})),
        ("coder_env.path", json!({"agent_id": "a", "name": "PATH", "value": "/x"})),
        ("coder_script.hello", json!({"agent_id": "a", "display_name": "Hello", "run_on_start": true})),
    ];
    let edges = [
        ("docker_container.ws", "coder_agent.main"),
        ("docker_network.far", "docker_container.ws"),
        ("coder_app.code", "coder_agent.main"),
    ];
    let converted = convert(&state(&items), &dot(&edges)).unwrap();
    let rows: Vec<_> =
        converted.resources.iter().map(|r| (r.kind.as_str(), r.name.as_str(), r.agents.len())).collect();
    assert_eq!(rows, [("coder_env", "path", 0), ("docker_container", "ws", 1), ("docker_network", "far", 0)]);
    let agent = &converted.resources[1].agents[0];
    assert_eq!((agent.apps.len(), agent.scripts.len(), agent.extra_envs.len()), (1, 1, 1));
    assert_eq!(agent.apps[0].display_name, "code");
    assert!(converted.unattached.is_empty() && converted.dropped_agents.is_empty());
}

#[test]
fn of_two_equally_near_resources_the_first_in_byte_order_wins() {
    let items = [("coder_agent.main", agent("a")), ("b_x.one", json!({})), ("a_x.two", json!({}))];
    let edges = [("b_x.one", "coder_agent.main"), ("a_x.two", "coder_agent.main")];
    let converted = convert(&state(&items), &dot(&edges)).unwrap();
    let with_agent: Vec<_> = converted.resources.iter().filter(|r| !r.agents.is_empty()).collect();
    assert_eq!(with_agent.len(), 1);
    assert_eq!(with_agent[0].kind, "a_x");
}

#[test]
fn an_agent_that_nothing_depends_on_is_reported() {
    let items = [("coder_agent.main", agent("a")), ("coder_env.x", json!({"agent_id": "a", "name": "X"}))];
    let converted = convert(&state(&items), &dot(&[("coder_env.x", "coder_agent.main")])).unwrap();
    assert_eq!(converted.dropped_agents, ["main"]);
    assert_eq!(converted.unattached, ["coder_env.x"]);
    assert_eq!(converted.resources.len(), 1);
}

#[test]
fn a_cycle_of_diamonds_ends() {
    let labels: Vec<String> = (0..60).map(|n| format!("local.v{n}")).collect();
    let mut edges = vec![("x_y.z", labels[59].as_str()), (labels[0].as_str(), "coder_agent.main")];
    for n in 1..60 {
        edges.push((&labels[n], &labels[n - 1]));
        edges.push((&labels[n], &labels[n.saturating_sub(2)]));
    }
    let items = [("coder_agent.main", agent("a")), ("x_y.z", json!({}))];
    let converted = convert(&state(&items), &dot(&edges)).unwrap();
    assert_eq!(converted.resources[0].agents.len(), 1);
}

#[test]
fn before_apply_an_edge_in_the_root_module_decides() {
    let items = [
        ("coder_agent.main", json!({"os": "linux"})),
        ("terraform_data.ws", json!({})),
        ("coder_app.code", json!({"slug": "code"})),
        ("module.ide.coder_app.web", json!({"slug": "web"})),
    ];
    let edges = [
        ("terraform_data.ws", "coder_agent.main"),
        ("coder_app.code", "coder_agent.main"),
        ("module.ide.coder_app.web", "module.ide.var.agent_id"),
        ("module.ide.var.agent_id", "coder_agent.main"),
    ];
    let converted = convert(&state(&items), &dot(&edges)).unwrap();
    let agent = &converted.resources[0].agents[0];
    assert_eq!(agent.apps.iter().map(|app| app.slug.as_str()).collect::<Vec<_>>(), ["code"]);
    assert_eq!(converted.unattached, ["module.ide.coder_app.web"]);
}

#[test]
fn names_and_slugs_that_cannot_be_are_refused() {
    let one = |address| error(&[(address, agent("a"))], &[]);
    assert!(one("coder_agent.my_agent").starts_with("agent name \"my_agent\" contains underscores"));
    assert!(one("coder_agent.-x").starts_with("agent name \"-x\" does not match regex"));
    assert_eq!(one("coder_agent.main"), "couldn't find node on graph: \"coder_agent.main\"");
    let edges = [("x_y.z", "coder_agent.main"), ("x_y.z", "coder_agent.Main")];
    assert_eq!(
        error(&[("coder_agent.main", agent("a")), ("coder_agent.Main", agent("b"))], &edges),
        "duplicate agent name: main"
    );
    let app = |slug: &str| json!({"slug": slug});
    assert!(error(&[("coder_app.a", app("A"))], &[]).starts_with("app slug \"A\" does not match regex"));
    assert_eq!(
        error(&[("coder_app.a", app("a")), ("coder_app.b", app("a"))], &[]),
        "duplicate app slug, they must be unique per template: \"a\""
    );
}

#[test]
fn facts_belong_to_the_nearest_resource_they_depend_on() {
    let items = [
        ("docker_container.ws[0]", json!({})),
        ("docker_container.ws[1]", json!({})),
        (
            "coder_metadata.about",
            json!({"icon": "/i.svg", "daily_cost": 3, "hide": false,
                   "item": [{"key": "k", "value": "v", "is_null": false}]}),
        ),
    ];
    let edges = [("coder_metadata.about", "docker_container.ws")];
    let converted = convert(&state(&items), &dot(&edges)).unwrap();
    // Every instance has them.
    assert!(converted.resources.iter().all(|r| r.daily_cost == 3 && r.metadata.len() == 1));
    let twice = [
        ("docker_container.ws", json!({})),
        ("coder_metadata.a", json!({})),
        ("coder_metadata.b", json!({})),
    ];
    let edges = [("coder_metadata.a", "docker_container.ws"), ("coder_metadata.b", "docker_container.ws")];
    assert_eq!(error(&twice, &edges), "duplicate metadata resource: docker_container.ws");
}

#[test]
fn the_agents_own_scripts_come_first() {
    let mut values = agent("a");
    values["startup_script"] = "echo up".into();
    values["startup_script_behavior"] = "blocking".into();
    values["shutdown_script"] = "echo down".into();
    let items = [
        ("coder_agent.main", values),
        ("x_y.z", json!({})),
        ("coder_script.a", json!({"agent_id": "a", "display_name": "A", "cron": "0 0 * * * *"})),
    ];
    let converted = convert(&state(&items), &dot(&[("x_y.z", "coder_agent.main")])).unwrap();
    let scripts = &converted.resources[0].agents[0].scripts;
    let names: Vec<_> = scripts.iter().map(|script| script.display_name.as_str()).collect();
    assert_eq!(names, ["Startup Script", "Shutdown Script", "A"]);
    assert!(scripts[0].start_blocks_login && scripts[0].run_on_start && !scripts[1].run_on_start);
}

#[test]
fn a_cloud_machine_shows_its_size_and_lends_its_identity() {
    let mut values = agent("a");
    values["auth"] = "aws-instance-identity".into();
    let machine = json!({"id": "i-1", "instance_type": "t3.micro"});
    let items = [("coder_agent.main", values), ("aws_instance.dev", machine)];
    let converted = convert(&state(&items), &dot(&[("aws_instance.dev", "coder_agent.main")])).unwrap();
    let resource = &converted.resources[0];
    assert_eq!(resource.instance_type, "t3.micro");
    assert_eq!(resource.agents[0].auth, warren_build_proto::AgentAuth::Instance("i-1".into()));
}

#[test]
fn parameters_are_read_and_must_be_unique() {
    let values = json!({
        "name": "size", "type": "number", "form_type": "slider", "optional": true, "default": "2", "mutable": true,
        "option": [{"name": "two", "value": "2"}],
        "validation": [{"min": 0, "max": 9, "min_disabled": false, "max_disabled": true, "monotonic": "increasing"}],
    });
    let converted = convert(&state(&[("data.coder_parameter.size", values.clone())]), "").unwrap();
    let parameter = &converted.parameters[0];
    assert_eq!((parameter.required, parameter.default_value.as_str()), (false, "2"));
    assert_eq!((parameter.validation.min, parameter.validation.max), (Some(0), None));
    let twice = [("data.coder_parameter.a", values.clone()), ("data.coder_parameter.b", values)];
    assert_eq!(
        error(&twice, &[]),
        "coder_parameter names must be unique but \"size\" appears multiple times"
    );
}

#[test]
fn module_paths_leave_out_indices() {
    let items = [("module.a[\"x.y]\"].module.b[0].docker_image.i", json!({})), ("docker_image.j", json!({}))];
    let converted = convert(&state(&items), "").unwrap();
    let paths: Vec<_> = converted.resources.iter().map(|r| r.module_path.as_str()).collect();
    assert_eq!(paths, ["", "module.a.module.b"]);
}

#[test]
fn a_plan_gives_data_sources_from_before_and_resources_from_after() {
    let item = |address: &str, mode: &str, kind: &str, values| json!({"address": address, "mode": mode, "type": kind, "name": "x", "values": values});
    let plan = json!({
        "prior_state": {"values": {"root_module": {"resources": [
            item("data.coder_parameter.x", "data", "coder_parameter", json!({"name": "p"})),
            item("docker_image.old", "managed", "docker_image", json!({})),
        ]}}},
        "planned_values": {"root_module": {"resources": [
            item("docker_image.new", "managed", "docker_image", json!({})),
        ]}},
    });
    let modules = Modules::from_plan(plan.to_string().as_bytes()).unwrap();
    let converted = convert(&modules, "").unwrap();
    assert_eq!(converted.resources.len(), 1);
    assert_eq!(converted.parameters[0].name, "p");
}
