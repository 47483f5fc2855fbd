//! A service in a temporary directory, and tools that remember.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify, watch};
use warren_audit::Origin;
use warren_authz::{Membership, SiteRole, Subject};
use warren_chat::{
    Caller, ChatConfig, ChatMetrics, ChatService, CreateChat, DynamicTool, ModelDraft, ModelPatch,
    ProviderDraft, SendMessage, Start, Tool, ToolContext, ToolError, ToolOutcome, ToolOutput, WorkerConfig,
    WorkspaceTools,
    proto::{
        Part,
        approval::{Places, absolute},
    },
};
use warren_db::{Database, Location, OpenOptions, entity::users, query};
use warren_db_testkit::TestDatabase;
use warren_dev_model::{Script, ScriptedModel};
use warren_rt::{Sealer, Tasks};
use warren_vocab::{
    AiProviderId, AiProviderType, BusyBehavior, ChatId, ClientType, LoginType, ModelConfigId, OrganizationId,
    ReplicaId, UserId, WorkspaceId,
};

pub(crate) use crate::view::{View, text};

/// Nothing in these tests takes longer unless it hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Remembers which tools ran; `execute` of `hang` never ends.
#[derive(Default)]
pub(crate) struct FakeTools {
    /// What became of calls of an earlier life, where it is known.
    pub(crate) resumed: Mutex<Option<Value>>,
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) hanging: Notify,
    /// In which workspaces calls were ended or looked for.
    pub(crate) places: Mutex<Vec<(&'static str, Option<WorkspaceId>)>>,
    /// How often noting the use of a workspace, which every step does, still panics.
    pub(crate) n_panics: AtomicUsize,
    /// Commands called `alone` that run now, and the most that ever did.
    pub(crate) alone: Arc<watch::Sender<(usize, usize)>>,
    /// Ends the making of a workspace called `slow`.
    pub(crate) made: Notify,
    /// Commands called `meet` end only when two of them run.
    meeting: Meeting,
}

/// A command called `alone` that runs until this is dropped.
struct Alone(Arc<watch::Sender<(usize, usize)>>);

impl Alone {
    fn begin(running: &Arc<watch::Sender<(usize, usize)>>) -> Self {
        running.send_modify(|(now, most)| {
            *now += 1;
            *most = (*most).max(*now);
        });
        Self(running.clone())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.send_modify(|(now, _)| *now -= 1);
    }
}

struct Meeting(Barrier);

impl Default for Meeting {
    fn default() -> Self {
        Self(Barrier::new(2))
    }
}

impl Meeting {
    async fn wait(&self) {
        self.0.wait().await;
    }
}

impl FakeTools {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    fn note_place(&self, what: &'static str, context: &ToolContext) {
        self.places.lock().unwrap().push((what, context.binding.get()));
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl FakeTools {
    async fn carry_out(
        &self,
        context: &ToolContext,
        tool: Tool,
        output: &ToolOutput,
    ) -> Result<Value, ToolError> {
        match tool {
            Tool::ListTemplates(_) => {
                self.note("list_templates".into());
                Ok(json!({ "templates": [{ "id": WorkspaceId::new(), "name": "process" }] }))
            }
            Tool::CreateWorkspace(arguments) => {
                if context.binding.get().is_some() {
                    return Ok(json!({ "created": false }));
                }
                self.note("create_workspace".into());
                output.write("building\n").await;
                if arguments.name.as_deref() == Some("slow") {
                    self.hanging.notify_one();
                    self.made.notified().await;
                }
                output.attach(context.new_workspace).await?;
                Ok(json!({ "created": true, "workspace_name": "demo" }))
            }
            Tool::Execute(arguments) => {
                context.workspace()?;
                self.note(format!("execute {}", arguments.command));
                output.write("line 1\n").await;
                let _alone = (arguments.command == "alone").then(|| Alone::begin(&self.alone));
                if ["hang", "alone"].contains(&arguments.command.as_str()) {
                    self.hanging.notify_one();
                    std::future::pending::<()>().await;
                }
                assert_ne!(arguments.command, "panic", "as asked");
                if arguments.command == "meet" {
                    self.meeting.wait().await;
                }
                if arguments.command == "flood" {
                    return Ok(json!({ "output": format!("\0begin{}end", "€".repeat(400_000)) }));
                }
                output.write("line 2\n").await;
                Ok(json!({ "success": true, "output": "line 1\nline 2\n", "exit_code": 0 }))
            }
            Tool::StartWorkspace(_) => {
                self.note(format!("start_workspace {}", context.new_build));
                self.hanging.notify_one();
                let is_first_life = self.resumed.lock().unwrap().is_none();
                if is_first_life {
                    std::future::pending::<()>().await;
                }
                Ok(json!({ "started": true }))
            }
            Tool::ReadFile(arguments) => {
                self.note(format!("read_file {}", arguments.path));
                Ok(json!({ "content": "1\thello" }))
            }
            Tool::WriteFile(arguments) => {
                self.note(format!("write_file {}", arguments.path));
                Ok(json!({ "ok": true }))
            }
            Tool::ProcessSignal(arguments) => {
                self.note(format!("process_signal {}", arguments.signal));
                self.hanging.notify_one();
                std::future::pending().await
            }
            Tool::EditFiles(_) => Err(ToolError::new("old_text was not found.")),
            other => Err(ToolError::new(format!("{other:?} is not part of this test."))),
        }
    }
}

#[async_trait]
impl WorkspaceTools for FakeTools {
    async fn run(&self, context: &ToolContext, tool: Tool, output: &ToolOutput) -> ToolOutcome {
        let is_lost = matches!(&tool, Tool::Execute(arguments) if arguments.command == "lose");
        let result = self.carry_out(context, tool, output).await;
        if is_lost { ToolOutcome::Unknown("The answer was lost.".into()) } else { result.into() }
    }

    async fn resume(&self, context: &ToolContext, tool: Tool, _: &ToolOutput) -> ToolOutcome {
        self.note(format!("resume {}", name(&tool)));
        self.note_place("resume", context);
        let known = self.resumed.lock().unwrap().clone();
        match known {
            Some(result) => ToolOutcome::Result(Ok(result)),
            None => ToolOutcome::Unknown(format!("Nothing is known of {}.", context.key)),
        }
    }

    async fn end(&self, context: &ToolContext, tool_name: &str) -> Option<Value> {
        self.note(format!("end {tool_name}"));
        self.note_place("end", context);
        (tool_name == "execute")
            .then(|| json!({ "error": "killed", "interrupted": true, "output": "line 1\n" }))
    }

    /// A workspace in which `/repo/link` leads to `/secret`.
    async fn places(&self, _: &ToolContext, paths: Vec<String>) -> Result<Places, ToolError> {
        let home = "/home/coder";
        let real = |path: &String| absolute(path, home).map(|path| path.replacen("/repo/link", "/secret", 1));
        Ok(Places { home: home.into(), real: paths.iter().map(|path| (path.clone(), real(path))).collect() })
    }

    async fn note_use(&self, _: UserId, _: WorkspaceId) {
        let fewer = |left: usize| left.checked_sub(1);
        let is_due = self.n_panics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        assert!(is_due.is_err(), "as asked");
    }
}

fn name(tool: &Tool) -> &'static str {
    match tool {
        Tool::Execute(_) => "execute",
        Tool::WriteFile(_) => "write_file",
        Tool::EditFiles(_) => "edit_files",
        _ => "another tool",
    }
}

/// One life of a server on a directory.
pub(crate) struct Stage {
    pub(crate) chat: ChatService,
    pub(crate) tools: Arc<FakeTools>,
    pub(crate) db: Database,
    pub(crate) subject: Subject,
    pub(crate) origin: Origin,
    metrics: ChatMetrics,
    tasks: Tasks,
    database: TestDatabase,
}

impl Stage {
    /// A new deployment with one user.
    pub(crate) async fn new() -> Self {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::new().await;
        let db = database.database();
        let user = user();
        let organization = query::organizations::default(db.reader()).await.unwrap().unwrap();
        let membership = Membership::new(OrganizationId::from_uuid(organization.id), Vec::new());
        let subject = Subject::new(UserId::from_uuid(user.id), vec![SiteRole::Owner], vec![membership]);
        db.write(async |tx| query::users::insert(tx, user).await).await.unwrap();
        Self::on(database, subject)
    }

    fn on(database: TestDatabase, subject: Subject) -> Self {
        Self::with_tools(database, subject, FakeTools::default())
    }

    /// A new deployment whose worker is not the usual one.
    pub(crate) async fn with_config(worker: WorkerConfig) -> Self {
        let Self { subject, tasks, database, chat, db, .. } = Self::new().await;
        tasks.stop(DEADLINE).await;
        drop((tasks, chat, db));
        Self::with_worker(database, subject, FakeTools::default(), worker)
    }

    /// Another server on the same database; none where only one may have it open.
    pub(crate) async fn second_server(&self, worker: WorkerConfig) -> Option<(ChatService, Tasks)> {
        Some(Self::start(self.database.second_handle().await?, worker))
    }

    /// The database as another server with such options has it; `None` on SQLite.
    pub(crate) async fn another_database(&self, options: OpenOptions) -> Option<Database> {
        self.database.second_handle_with(options).await
    }

    /// Another worker on the very handle that this one has. It begins by voiding the leases of others where it believes
    /// itself alone, so it must come before there are any.
    pub(crate) fn another_worker(&self, worker: WorkerConfig) -> (ChatService, Tasks) {
        Self::start(self.db.clone(), worker)
    }

    pub(crate) fn start(db: Database, worker: WorkerConfig) -> (ChatService, Tasks) {
        let (tools, tasks) = (Arc::new(FakeTools::default()), Tasks::new());
        let sealer = Sealer::from_key(&[7; 32]);
        let metrics = ChatMetrics::default();
        let replica = ReplicaId::new();
        let tasks_of_it = tasks.clone();
        let config =
            ChatConfig { replica, relay: None, db, sealer, tools, tasks: tasks_of_it, worker, metrics };
        (ChatService::start(config), tasks)
    }

    /// Where the database is.
    pub(crate) fn location(&self) -> &Location {
        self.database.location()
    }

    /// What was counted under a name with its labels; 0 when there is no such line.
    pub(crate) fn figure(&self, line: &str) -> f64 {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let found = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
        found.map_or(0.0, |number| number.parse().unwrap())
    }

    /// How much runs in the background.
    pub(crate) fn n_tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Stops in good order: everything that runs winds down.
    pub(crate) async fn stop(&self) {
        assert!(self.tasks.stop(DEADLINE).await.is_empty(), "everything winds down");
    }

    /// Dies at once, and nobody starts again here.
    pub(crate) async fn kill(&self) {
        self.tasks.abort().await;
    }

    fn with_tools(database: TestDatabase, subject: Subject, tools: FakeTools) -> Self {
        Self::with_worker(database, subject, tools, WorkerConfig::default())
    }

    fn with_worker(database: TestDatabase, subject: Subject, tools: FakeTools, worker: WorkerConfig) -> Self {
        let db = database.database();
        let (tools, tasks, metrics) = (Arc::new(tools), Tasks::new(), ChatMetrics::default());
        let chat = ChatService::start(ChatConfig {
            replica: ReplicaId::new(),
            relay: None,
            db: db.clone(),
            sealer: Sealer::from_key(&[7; 32]),
            tools: tools.clone(),
            tasks: tasks.clone(),
            worker,
            metrics: metrics.clone(),
        });
        let origin = Origin::system("test");
        Self { chat, tools, db, subject, origin, metrics, tasks, database }
    }

    /// Dies without a word, as after `kill -9`: tasks are cut off where they stand, leases stay, and a new life begins on
    /// what the disk has.
    pub(crate) async fn crash(self) -> Self {
        self.crash_to(FakeTools::default()).await
    }

    /// The same, and the workspace remembers the calls of the earlier life and what became of them.
    pub(crate) async fn crash_with(self, resumed: Value) -> Self {
        self.crash_to(FakeTools { resumed: Mutex::new(Some(resumed)), ..FakeTools::default() }).await
    }

    async fn crash_to(self, known: FakeTools) -> Self {
        let Self { chat, tools, db, subject, tasks, database, .. } = self;
        tasks.abort().await;
        drop((chat, tools, tasks, db));
        let reopened = tokio::time::timeout(DEADLINE, database.reopen());
        let database = reopened.await.expect("the old life lets go of its directory");
        let db = database.database();
        if !db.is_exclusive() {
            // The new life begins when the leases of the old one are over.
            db.write(async |tx| query::chats::end_all_leases(tx).await).await.unwrap();
        }
        drop(db);
        Self::with_tools(database, subject, known)
    }

    /// The owner of all chats, as somebody who sends requests.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller { subject: &self.subject, origin: &self.origin }
    }

    /// Adds a provider with one model, the default.
    pub(crate) async fn add_model(&self, base_url: &str) {
        self.add_model_of(AiProviderType::OpenaiCompat, base_url).await;
    }

    pub(crate) async fn add_model_of(&self, provider_type: AiProviderType, base_url: &str) {
        let provider = ProviderDraft {
            provider_type,
            name: "local".into(),
            display_name: String::new(),
            icon: String::new(),
            enabled: true,
            base_url: base_url.into(),
            settings: serde_json::Value::Null,
            api_keys: vec![String::from("sk-a-key-that-is-long-enough").into()],
        };
        let provider = self.chat.create_provider(self.caller(), provider).await.unwrap().provider;
        let model = ModelDraft {
            provider: Some(AiProviderId::from_uuid(provider.id)),
            model: "scripted".into(),
            patch: ModelPatch { options: options_of(provider_type), ..ModelPatch::default() },
        };
        assert!(self.chat.create_model(self.caller(), model).await.unwrap().is_default);
    }

    /// Starts a scripted model and adds it.
    pub(crate) async fn with_script(&self, script: &Value) -> ScriptedModel {
        let script = Script::parse(&script.to_string()).unwrap();
        let model = ScriptedModel::start(script, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        self.add_model(&model.base_url()).await;
        model
    }

    /// The scripted model under the protocol of another type of provider.
    pub(crate) async fn with_script_of(
        &self,
        provider_type: AiProviderType,
        script: &Value,
    ) -> ScriptedModel {
        let script = Script::parse(&script.to_string()).unwrap();
        let model = ScriptedModel::start(script, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let has_version = matches!(provider_type, AiProviderType::Openai | AiProviderType::OpenaiCompat);
        let base_url = if has_version { model.base_url() } else { model.root_url() };
        self.add_model_of(provider_type, &base_url).await;
        model
    }

    /// Changes the only model.
    pub(crate) async fn change_model(&self, patch: ModelPatch) -> ModelConfigId {
        let model = self.chat.models(&self.subject).await.unwrap().remove(0);
        let id = ModelConfigId::from_uuid(model.id);
        self.chat.update_model(self.caller(), id, patch).await.unwrap();
        id
    }

    pub(crate) async fn create(&self, text: &str) -> ChatId {
        self.create_with_tools(text, Vec::new()).await
    }

    /// Creates a chat whose client answers these tools.
    pub(crate) async fn create_with_tools(&self, text: &str, dynamic_tools: Vec<DynamicTool>) -> ChatId {
        let request = CreateChat {
            organization: self.subject.memberships[0].organization,
            content: vec![Part::text(text)],
            system_prompt: None,
            workspace: None,
            model_config: None,
            labels: Default::default(),
            client_type: ClientType::Api,
            dynamic_tools,
            idempotency: None,
        };
        ChatId::from_uuid(self.chat.create(self.caller(), request).await.unwrap().id)
    }

    pub(crate) fn message(text: &str, busy: BusyBehavior) -> SendMessage {
        SendMessage { content: vec![Part::text(text)], model_config: None, busy, idempotency: None }
    }

    pub(crate) async fn view(&self, chat: ChatId) -> View {
        View::new(self.chat.watch(&self.subject, chat, Start::default()).await.unwrap())
    }
}

/// Servers that are not OpenAI's own speak its newer protocol only when they are told to.
fn options_of(provider_type: AiProviderType) -> Option<Value> {
    (provider_type == AiProviderType::Openai)
        .then(|| json!({ "provider_options": { "openai": { "api": "responses" } } }))
}

fn user() -> users::Model {
    users::Model::new("ada@example.com", "ada", LoginType::Password, chrono::DateTime::UNIX_EPOCH)
}
