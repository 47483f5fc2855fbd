//! Which organization a command works in.

use anyhow::bail;
use warren_api::organizations::Organization;
use warren_sdk::Client;

/// Returns the named organization, else the caller's only one.
///
/// # Errors
/// When there is no such organization, or several and none was named.
pub(super) async fn pick(client: &Client, named: Option<&str>) -> anyhow::Result<Organization> {
    if let Some(name) = named {
        return Ok(client.organization(name).await?);
    }
    let mut all = client.organizations().await?;
    match (all.len(), all.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) | (_, None) => {
            bail!("you belong to no organization; ask an owner of the deployment to add you")
        }
        (_, Some(_)) => bail!("there are several organizations; choose one with --org=<name>"),
    }
}
