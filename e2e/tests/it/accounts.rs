//! Accounts in Chromium: the people, their tokens, what the audit log says of it, and that every page can be used on a
//! small screen, in both themes and with the keyboard alone.

use anyhow::{Context, Result, ensure};
use e2e::{
    browser,
    stage::{EMAIL, PASSWORD, Stage, USERNAME},
};
use serde_json::Value;
use warren_dev_idp::DevIdp;
use warren_sdk::Client;
use warren_testkit::ServerOptions;

const GRACE: &str = "grace";
const GRACE_EMAIL: &str = "grace@example.com";
const GRACE_PASSWORD: &str = "amazing nanoseconds of wire";
const NEW_USER: [&str; 4] = ["--new-username", GRACE, "--new-password", GRACE_PASSWORD];

#[tokio::test]
async fn a_user_made_in_the_browser_signs_in_gets_tokens_and_is_in_the_audit_log() -> Result<()> {
    let stage = Stage::new().await?;
    let outcome = owner(&stage, "create-user", &NEW_USER).await;
    stage.explain(outcome)?;

    let outcome = browser::steps_as(
        &stage.user,
        stage.server.url().as_str(),
        [GRACE, GRACE_EMAIL, GRACE_PASSWORD],
        "cli-auth,token",
        &["--token", "ci"],
    )
    .await;
    for report in stage.explain(outcome)? {
        let token = report["token"].as_str().context("a step shows a token")?;
        let user = Client::new(stage.server.url()).with_token(token).user("me").await?;
        ensure!(user.username == GRACE, "the token of {report} is of {}", user.username);
    }

    let outcome = owner(&stage, "audit", &["--q", "action:create resource_type:user"]).await;
    let report = stage.explain(outcome)?.pop().context("the step reports")?;
    let entries = report["entries"].as_array().context("there are entries")?;
    ensure!(entries.iter().any(|entry| entry["target"] == GRACE), "the log shows {report}");
    ensure!(report["fields"].to_string().contains("email"), "the newest entry opens to {report}");
    ensure!(report["csv"].as_array().is_some_and(|lines| lines.len() == 2), "the export begins {report}");
    Ok(())
}

#[tokio::test]
async fn signing_in_and_creating_a_user_need_no_mouse() -> Result<()> {
    let stage = Stage::new().await?;
    let outcome = owner(&stage, "keyboard-sign-in,keyboard-create-user", &NEW_USER).await;
    stage.explain(outcome)?;
    Ok(())
}

#[tokio::test]
async fn every_page_fits_a_phone_and_is_accessible_in_both_themes() -> Result<()> {
    let stage = Stage::new().await?;
    for theme in ["light", "dark"] {
        let outcome = owner(&stage, "theme,pages", &["--theme", theme]).await;
        stage.explain(outcome)?;
    }
    Ok(())
}

#[tokio::test]
async fn somebody_without_an_account_signs_in_at_the_provider_of_their_organization() -> Result<()> {
    let provider = DevIdp::start(([127, 0, 0, 1], 0).into()).await?;
    let client = provider.client();
    let env = [
        ("WARREN_OIDC_ISSUER_URL", provider.issuer()),
        ("WARREN_OIDC_CLIENT_ID", client.id),
        ("WARREN_OIDC_CLIENT_SECRET", client.secret),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let stage = Stage::with(ServerOptions { env }).await?;
    let outcome = owner(&stage, "oidc-sign-in", &[]).await;
    let report = stage.explain(outcome)?.pop().context("the step reports")?;
    ensure!(report["username"] == GRACE, "the browser shows the account of {report}");
    Ok(())
}

async fn owner(stage: &Stage, steps: &str, options: &[&str]) -> Result<Vec<Value>> {
    let who = [USERNAME, EMAIL, PASSWORD];
    browser::steps_as(&stage.user, stage.server.url().as_str(), who, steps, options).await
}
