//! `warren version`: this binary's version, and the server's if one is known.

use crate::{
    args::{TextFormat, VersionArgs},
    context::{Context, parse_url},
    output,
    version_check::VERSION,
};
use serde::Serialize;

#[derive(Serialize)]
struct Version {
    version: String,
    /// Unknown, which the year 1 stands for.
    build_time: &'static str,
    external_url: String,
    slim: bool,
    agpl: bool,
    boring_crypto: bool,
    /// Absent when no server is known or it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_version: Option<String>,
}

pub(super) async fn run(args: &VersionArgs, context: &Context) -> anyhow::Result<()> {
    let version = Version {
        version: VERSION.to_owned(),
        build_time: "0001-01-01T00:00:00Z",
        external_url: env!("CARGO_PKG_REPOSITORY").to_owned(),
        slim: false,
        agpl: false,
        boring_crypto: false,
        server_version: server_version(context).await,
    };
    match args.output {
        TextFormat::Json => output::json(&version),
        TextFormat::Text => {
            output::line(&format!("Warren {}", version.version));
            if let Some(server) = version.server_version {
                output::line(&format!("Server {server}"));
            }
            Ok(())
        }
    }
}

/// The command works without a server too, so no failure counts.
async fn server_version(context: &Context) -> Option<String> {
    let url = parse_url(&context.server_url_text().ok()??).ok()?;
    Some(context.client_of(url).ok()?.build_info().await.ok()?.version)
}
