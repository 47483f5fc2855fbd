//! What belongs to an agent: `coder_app`, `coder_env`, `coder_script`.

use regex::Regex;
use warren_build_proto::{App, Env, Healthcheck, Script};

use super::{
    ConvertError,
    module::{Item, int, text},
};

const SLUG: &str = "^[a-z0-9](-?[a-z0-9])*$";

/// Reads an app.
pub(super) fn app(item: &Item) -> Result<App, ConvertError> {
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    let slug = or(item.text("slug"), &item.name);
    if !Regex::new(SLUG).expect("a constant pattern is valid").is_match(&slug) {
        return Err(ConvertError(format!("app slug {slug:?} does not match regex {SLUG:?}")));
    }
    let healthcheck = item.blocks("healthcheck").first().map(|block| Healthcheck {
        url: text(&block["url"]),
        interval: int(&block["interval"]),
        threshold: int(&block["threshold"]),
    });
    Ok(App {
        terraform_id: item.text("id"),
        display_name: or(or(item.text("display_name"), &item.text("name")), &slug),
        slug,
        icon: item.text("icon"),
        url: item.text("url"),
        command: item.text("command"),
        subdomain: item.flag("subdomain"),
        share: or(item.text("share"), "owner"),
        external: item.flag("external"),
        healthcheck: healthcheck.filter(|check| !check.url.is_empty()),
        group: item.text("group"),
        order: item.int("order"),
        hidden: item.flag("hidden"),
        open_in: or(item.text("open_in"), "slim-window"),
        tooltip: item.text("tooltip"),
    })
}

/// Reads a variable.
pub(super) fn env(item: &Item) -> Env {
    let strategy = item.text("merge_strategy");
    Env {
        name: item.text("name"),
        value: item.text("value"),
        merge_strategy: if strategy.is_empty() { "replace".to_owned() } else { strategy },
    }
}

/// Reads a script.
pub(super) fn script(item: &Item) -> Script {
    Script {
        display_name: item.text("display_name"),
        icon: item.text("icon"),
        script: item.text("script"),
        log_path: item.text("log_path"),
        cron: item.text("cron"),
        start_blocks_login: item.flag("start_blocks_login"),
        run_on_start: item.flag("run_on_start"),
        run_on_stop: item.flag("run_on_stop"),
        timeout_seconds: item.int("timeout"),
    }
}
