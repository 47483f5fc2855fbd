//! `warren version`: this binary's version, and the server's if one is known.

use serde::Serialize;
use warren_sdk::Client;

use crate::{
    args::{TextFormat, VersionArgs},
    context::{Context, parse_url},
    output,
};

#[derive(Serialize)]
struct Version {
    version: String,
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
        version: format!("v{}", env!("CARGO_PKG_VERSION")),
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
    Some(Client::new(url).build_info().await.ok()?.version)
}
