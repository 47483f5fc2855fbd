use warren_build_proto::{
    AgentScripts, NamedValue, OwnerMetadata, SecretText, WorkspaceIdentity, WorkspaceMetadata,
};
use warren_vocab::{BuildId, Transition, WorkspaceId};

use super::*;
use crate::schema::complete;

fn session() -> Session {
    let scripts =
        [(("linux".to_owned(), "amd64".to_owned()), "run ${ACCESS_URL}bin ${AUTH_TYPE}".to_owned())];
    let metadata = WorkspaceMetadata {
        access_url: "http://localhost:3000".into(),
        transition: Transition::Start,
        workspace: Some(WorkspaceIdentity {
            id: WorkspaceId::new(),
            name: "dev".into(),
            build: BuildId::new(),
        }),
        template: None,
        owner: OwnerMetadata { name: "ada".into(), groups: vec!["staff".into()], ..Default::default() },
        agent_scripts: AgentScripts(scripts.into()),
    };
    let size = NamedValue { name: "size".into(), value: SecretText::new("2") };
    Session::new(metadata, &[size], &[])
}

fn agent() -> (&'static Schema, Value) {
    let schema = schema::find(Kind::Resource, "coder_agent").unwrap();
    let config = Value::object([("os", "linux".into()), ("arch", "amd64".into())]);
    (schema, schema::conform(&schema.block, &config))
}

fn create(schema: &Schema, proposed: &Value) -> Value {
    let planned = plan::plan(schema, &Value::Null, proposed).state;
    resource::create(schema, planned, &session(), "http://localhost:3000")
}

#[test]
fn a_created_agent_has_a_token_and_a_rendered_script() {
    let (schema, proposed) = agent();
    let state = create(schema, &proposed);
    assert!(!state.has_unknown());
    assert_eq!(state.get("init_script").text(), "run http://localhost:3000/bin token");
    assert!(uuid::Uuid::parse_str(state.get("token").text()).is_ok());
    assert!(uuid::Uuid::parse_str(state.get("id").text()).is_ok());
    assert_eq!(state.get("display_apps").items().len(), 1);
}

#[test]
fn an_unchanged_agent_is_left_alone_and_a_changed_one_replaced() {
    let (schema, proposed) = agent();
    let prior = create(schema, &proposed);
    let mut same = proposed;
    for name in ["id", "token", "init_script"] {
        same.set(name, prior.get(name).clone());
    }
    let planned = plan::plan(schema, &prior, &same);
    assert_eq!((planned.replace.as_slice(), &planned.state), ([].as_slice(), &prior));
    let mut changed = same;
    changed.set("startup_script", "echo");
    let planned = plan::plan(schema, &prior, &changed);
    assert_eq!(planned.replace, ["startup_script"]);
    assert!(planned.state.get("token").is_unknown() && planned.state.get("id").is_unknown());
}

#[test]
fn a_read_rotates_the_token_and_keeps_the_id() {
    let (schema, proposed) = agent();
    let prior = create(schema, &proposed);
    let after = resource::refresh("coder_agent", prior.clone(), &session(), "http://localhost:3000");
    assert_ne!(after.get("token"), prior.get("token"));
    assert_eq!(after.get("id"), prior.get("id"));
}

#[test]
fn a_metadata_item_without_value_is_marked() {
    let schema = schema::find(Kind::Resource, "coder_metadata").unwrap();
    let item = |value: Value| Value::object([("key", "k".into()), ("value", value)]);
    let items = Value::List(vec![item("v".into()), item(Value::Null)]);
    let state = create(schema, &Value::object([("resource_id", "x".into()), ("item", items)]));
    let flags: Vec<_> = state.get("item").items().iter().map(|item| item.get("is_null").as_bool()).collect();
    assert_eq!(flags, [Some(false), Some(true)]);
    assert_eq!(state.get("item").items()[1].get("value").text(), "");
}

#[test]
fn the_workspace_and_its_owner_come_from_memory() {
    let read = |name: &str, config: Value| {
        let schema = schema::find(Kind::Data, name).unwrap();
        data::read(schema, &config, &session(), "https://warren.example").unwrap()
    };
    let workspace = read("coder_workspace", Value::object([]));
    assert_eq!(workspace.get("name").text(), "dev");
    assert_eq!(workspace.get("start_count").as_int(), Some(1));
    assert_eq!(workspace.get("access_port").as_int(), Some(443));
    let owner = read("coder_workspace_owner", Value::object([]));
    assert_eq!((owner.get("name").text(), owner.get("full_name").text()), ("ada", "default"));
    assert_eq!(owner.get("groups"), &Value::texts(["staff"]));
    let parameter = read("coder_parameter", Value::object([("name", "size".into())]));
    assert_eq!((parameter.get("value").text(), parameter.get("form_type").text()), ("2", "input"));
    let provisioner = read("coder_provisioner", Value::object([]));
    assert!(["amd64", "arm64", "armv7"].contains(&provisioner.get("arch").text()));
}

#[tokio::test]
async fn the_service_answers_in_the_protocol() {
    use provider_server::Provider as _;
    let provider = Provider::new(session());
    let schemas = provider.get_schema(Request::new(Default::default())).await.unwrap().into_inner();
    assert_eq!(schemas.resource_schemas.len() + schemas.data_source_schemas.len(), schema::all().count());
    let config = Value::object([("os", "plan9".into()), ("arch", "amd64".into())]);
    let request = wire::validate_resource_type_config::Request {
        type_name: "coder_agent".into(),
        config: encode(&config),
    };
    let answer = provider.validate_resource_type_config(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(answer.diagnostics.len(), 1);
    assert!(answer.diagnostics[0].attribute.is_some());
    let unknown = wire::read_resource::Request { type_name: "coder_nothing".into(), ..Default::default() };
    assert!(provider.read_resource(Request::new(unknown)).await.is_err());
    let upgrade = wire::upgrade_resource_state::Request {
        type_name: "coder_env".into(),
        version: 1,
        raw_state: Some(wire::RawState { json: br#"{"id":"1","name":"A","gone":true}"#.to_vec() }),
    };
    let answer = provider.upgrade_resource_state(Request::new(upgrade)).await.unwrap().into_inner();
    let state = decode(&answer.upgraded_state).unwrap();
    assert_eq!(state, complete_env());
}

fn complete_env() -> Value {
    let schema = schema::find(Kind::Resource, "coder_env").unwrap();
    let mut state =
        complete(&schema.block, &Value::object([("id", "1".into()), ("name", "A".into())]), &Value::Null);
    state.set("merge_strategy", Value::Null);
    state
}
