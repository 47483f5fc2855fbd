//! Client of the agent's HTTP API through the tunnel, for chats.
//!
//! Owns deadlines and errors in words that users and models understand. One stream and one HTTP connection per request:
//! both are cheap inside the tunnel, and a request that hangs holds up no other.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, future::BoxFuture};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use warren_tunnel::{PORT_API, TunnelNode};
use warren_vocab::AgentId;
use warren_wire::agent_http::{
    CHAT_ID_HEADER, Change, DirectoryListing, EditFiles, EditedFiles, ErrorBody, FILE_WRITE_BYTES_MAX,
    FileLines, FoundFiles, ListDirectory, OUTPUT_WAIT_SECONDS_MAX, PREFIX, ProcessInfo, ProcessList,
    ProcessOutput, ProcessSignal, ReadFileLines, ResolvePaths, ResolvedPaths, SearchFiles, SignalProcess,
    StartProcess, StartedProcess, StreamRecord, WrittenFile,
};

mod records;

/// How long it may take to reach the agent.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// How long the agent may take to answer an ordinary request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A byte stream to the agent.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Dial = Arc<dyn Fn() -> BoxFuture<'static, Result<Box<dyn Io>, AgentClientError>> + Send + Sync>;
type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// Why the agent did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentClientError {
    /// Nothing was done.
    #[error("the workspace agent cannot be reached: {reason}")]
    Unreachable { reason: String },
    /// The agent said no, and why.
    #[error("{message}")]
    Refused { status: StatusCode, message: String },
    /// The connection broke after the request was sent: it may have been carried out or not.
    #[error("the connection to the workspace agent broke before it answered")]
    Interrupted,
    #[error("the workspace agent did not answer within {} s", .after.as_secs())]
    Timeout { after: Duration },
    #[error("the workspace agent sent an answer that this server does not understand")]
    Protocol,
}

/// Calls one agent on behalf of one chat.
#[derive(Clone)]
pub(crate) struct AgentClient {
    dial: Dial,
    chat: String,
}

impl AgentClient {
    /// A client through the server's tunnel node. Processes started under another `chat` do not exist for it.
    pub(crate) fn new(node: TunnelNode, agent: AgentId, chat: impl Into<String>) -> Self {
        let dial: Dial = Arc::new(move || {
            let node = node.clone();
            Box::pin(async move {
                let unreachable = |reason: String| AgentClientError::Unreachable { reason };
                let peer = node.connect(agent, CONNECT_PATIENCE).await;
                let peer = peer.map_err(|error| unreachable(error.to_string()))?;
                let stream = peer.open_stream(PORT_API).await;
                Ok(Box::new(stream.map_err(|error| unreachable(error.to_string()))?) as Box<dyn Io>)
            })
        });
        Self { dial, chat: chat.into() }
    }

    /// Starts a process; a repeated start with the same id runs nothing.
    pub(crate) async fn start_process(
        &self,
        request: &StartProcess,
    ) -> Result<StartedProcess, AgentClientError> {
        self.post("/processes/start", request).await
    }

    /// The output so far, or at the end of the process when it comes within `wait`, which is five minutes at most.
    pub(crate) async fn process_output(
        &self,
        id: &str,
        wait: Duration,
    ) -> Result<ProcessOutput, AgentClientError> {
        let wait = wait.min(Duration::from_secs(OUTPUT_WAIT_SECONDS_MAX));
        let path =
            format!("/processes/{}/output?wait={}&wait_ms={}", encode(id), !wait.is_zero(), wait.as_millis());
        self.json(Method::GET, &path, Bytes::new(), ANSWER_TIMEOUT + wait).await
    }

    /// Lists the processes of the chat.
    pub(crate) async fn list_processes(&self) -> Result<Vec<ProcessInfo>, AgentClientError> {
        let list = self.json::<ProcessList>(Method::GET, "/processes/list", Bytes::new(), ANSWER_TIMEOUT);
        Ok(list.await?.processes)
    }

    /// Follows a process's output from a position until its exit. Items stop after the first error.
    pub(crate) async fn follow_process(
        &self,
        id: &str,
        after: u64,
    ) -> Result<impl Stream<Item = Result<StreamRecord, AgentClientError>> + Send + use<>, AgentClientError>
    {
        let path = format!("/processes/{}/stream?after={after}", encode(id));
        let (response, connection) = self.send(Method::GET, &path, Bytes::new(), ANSWER_TIMEOUT).await?;
        Ok(records::of(response.into_body(), connection))
    }

    /// Signals a process and its children.
    pub(crate) async fn signal_process(
        &self,
        id: &str,
        signal: ProcessSignal,
    ) -> Result<(), AgentClientError> {
        self.signal(id, SignalProcess { signal, or_never: false }).await
    }

    /// Kills a process and its children, or makes a start that is still on its way run nothing.
    pub(crate) async fn call_off(&self, id: &str) -> Result<(), AgentClientError> {
        self.signal(id, SignalProcess { signal: ProcessSignal::Kill, or_never: true }).await
    }

    async fn signal(&self, id: &str, request: SignalProcess) -> Result<(), AgentClientError> {
        let path = format!("/processes/{}/signal", encode(id));
        self.bytes(Method::POST, &path, to_json(&request), ANSWER_TIMEOUT).await.map(drop)
    }

    /// Reads numbered lines of a file.
    pub(crate) async fn read_file_lines(
        &self,
        request: &ReadFileLines,
    ) -> Result<FileLines, AgentClientError> {
        let mut path = format!("/read-file-lines?path={}", encode(&request.path));
        for (name, value) in [("offset", request.offset), ("limit", request.limit)] {
            if let Some(value) = value {
                path = format!("{path}&{name}={value}");
            }
        }
        self.json(Method::GET, &path, Bytes::new(), ANSWER_TIMEOUT).await
    }

    /// Writes a whole file, with the directories that it needs. A second request with the same key writes nothing.
    pub(crate) async fn write_file(
        &self,
        path: &str,
        key: &str,
        content: Bytes,
    ) -> Result<WrittenFile, AgentClientError> {
        let path = format!("/write-file?path={}&key={}", encode(path), encode(key));
        self.json(Method::POST, &path, content, ANSWER_TIMEOUT).await
    }

    /// What a change of files was told, if the agent knows its key. If not, a change that is still on its way is not made.
    pub(crate) async fn call_off_change(&self, key: &str) -> Result<Option<Change>, AgentClientError> {
        let path = format!("/changes/{}/call-off", encode(key));
        match self.json(Method::POST, &path, Bytes::new(), ANSWER_TIMEOUT).await {
            Ok(change) => Ok(Some(change)),
            Err(AgentClientError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds files by name and lines by content.
    pub(crate) async fn search_files(&self, request: &SearchFiles) -> Result<FoundFiles, AgentClientError> {
        self.post("/search-files", request).await
    }

    /// Makes every edit of every file, or none.
    pub(crate) async fn edit_files(&self, request: &EditFiles) -> Result<EditedFiles, AgentClientError> {
        self.post("/edit-files", request).await
    }

    /// Finds out where paths really lead.
    pub(crate) async fn resolve_paths(&self, paths: Vec<String>) -> Result<ResolvedPaths, AgentClientError> {
        self.post("/resolve-paths", &ResolvePaths { paths }).await
    }

    /// Lists a directory.
    pub(crate) async fn list_directory(&self, path: &str) -> Result<DirectoryListing, AgentClientError> {
        self.post("/list-directory", &ListDirectory { path: path.to_owned() }).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AgentClientError> {
        self.json(Method::POST, path, to_json(body), ANSWER_TIMEOUT).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<T, AgentClientError> {
        let bytes = self.bytes(method, path, body, timeout).await?;
        serde_json::from_slice(&bytes).map_err(|_| AgentClientError::Protocol)
    }

    async fn bytes(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, AgentClientError> {
        let (response, connection) = self.send(method, path, body, timeout).await?;
        let reading = collect(response.into_body(), connection);
        tokio::time::timeout(timeout, reading)
            .await
            .map_err(|_| AgentClientError::Timeout { after: timeout })?
    }

    /// Sends a request and gives the answer's head; the connection must be polled while the body is read.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<(Response<Incoming>, Connection), AgentClientError> {
        let stream = (self.dial)().await?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header("host", "agent")
            .header(CHAT_ID_HEADER, &self.chat)
            .body(Full::new(body))
            .map_err(|_| AgentClientError::Protocol)?;
        let sending = async {
            let handshake = http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = handshake.map_err(|_| AgentClientError::Interrupted)?;
            let mut connection: Connection = Box::pin(connection);
            let response = {
                let mut answering = std::pin::pin!(sender.send_request(request));
                tokio::select! {
                    response = &mut answering => response,
                    _ = &mut connection => answering.await,
                }
            };
            Ok((response.map_err(|_| AgentClientError::Interrupted)?, connection))
        };
        let sent = tokio::time::timeout(timeout, sending).await;
        let (response, connection) = sent.map_err(|_| AgentClientError::Timeout { after: timeout })??;
        if response.status().is_success() {
            return Ok((response, connection));
        }
        let status = response.status();
        let body = collect(response.into_body(), connection).await?;
        let message = match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(error) => error.message,
            Err(_) => format!("the workspace agent answered {status}"),
        };
        Err(AgentClientError::Refused { status, message })
    }
}

async fn collect(body: Incoming, connection: Connection) -> Result<Bytes, AgentClientError> {
    let mut reading = std::pin::pin!(Limited::new(body, 2 * FILE_WRITE_BYTES_MAX).collect());
    let collected = tokio::select! {
        collected = &mut reading => collected,
        _ = connection => reading.await,
    };
    Ok(collected.map_err(|_| AgentClientError::Interrupted)?.to_bytes())
}

fn to_json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("the request types have only string keys").into()
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
pub(crate) mod tests;
