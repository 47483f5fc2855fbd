//! `warren logout`.

use crate::{args::YesArgs, context::Context, output, prompt};

pub(super) async fn run(args: YesArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    prompt::confirm("Log out?", args.yes)?;
    // A server that has gone away must not keep anybody from forgetting it.
    if let Err(error) = client.logout().await {
        output::note(&format!(
            "The server did not end the session ({error}); it is forgotten here all the same."
        ));
    }
    context.config.forget()?;
    output::line("You are logged out.");
    Ok(())
}
