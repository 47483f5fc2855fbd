//! Logs and traces of a whole server. The subscriber belongs to the process, so there is one test.

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value as Attribute,
    trace::v1::Span,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};
use warren_config::{Logging, Trace};
use warren_rt::Tasks;
use warren_server::Observability;

use crate::support::TestServer;

/// A collector that hands on what it is sent.
struct Collector(mpsc::Sender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let _ = self.0.send(request.into_inner()).await;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|one| one.key == key)?.value.clone()?.value?;
    match value {
        Attribute::StringValue(text) => Some(text),
        Attribute::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leaves_a_span_at_the_collector_and_a_line_in_the_log_but_no_token() {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut received) = mpsc::channel(16);
    let service = TraceServiceServer::new(Collector(sender));
    let incoming = TcpListenerStream::new(listener);
    tasks.spawn("collector", async move {
        Server::builder().add_service(service).serve_with_incoming(incoming).await
    });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log.json");
    let logging =
        Logging { human: String::new(), json: file.to_str().unwrap().to_owned(), filter: "info".into() };
    let trace = Trace { enable: true, otlp_endpoint: endpoint, capture_logs: false };
    let observability = Observability::install(&logging, &trace).unwrap();

    let server = TestServer::with_owner().await;
    let path = format!("/api/v2/users/me?coder_session_token={}", server.token);
    let response = server.request(reqwest::Method::GET, &path).send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    tokio::task::spawn_blocking(|| observability.stop()).await.unwrap();

    let wanted = |span: &Span| attribute(span, "request.id").as_deref() == Some(id.as_str());
    let span = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let request = received.recv().await.unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|one| one.scope_spans);
            if let Some(span) = scopes.flat_map(|scope| scope.spans).find(wanted) {
                return span;
            }
        }
    })
    .await
    .expect("the span arrives");
    assert_eq!(span.name, "GET /api/v2/users/{user}");
    assert_eq!(attribute(&span, "http.response.status_code").as_deref(), Some("200"));
    let user = attribute(&span, "user.id").expect("the caller is known");

    let log = std::fs::read_to_string(&file).unwrap();
    let line = log.lines().find(|line| line.contains(&id)).expect("a line of the request");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((line["status"].as_u64(), line["path"].as_str()), (Some(200), Some("/api/v2/users/me")));
    assert_eq!(line["span"]["user.id"].as_str(), Some(user.as_str()));
    let secret = server.token.split('-').nth(1).unwrap();
    assert!(!log.contains(secret), "a token is in the log");
    tasks.stop(Duration::from_secs(5)).await;
}
