//! `warren config-ssh`: writes our section into the OpenSSH configuration.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use warren_api::deployment::SshConfigResponse;

use crate::{
    args::{ConfigSshArgs, Wait},
    context::Context,
    output, prompt,
    ssh_config::{self, Choices, Section},
};

pub(super) async fn run(args: ConfigSshArgs, context: &Context) -> anyhow::Result<()> {
    let path = expand_home(&args.ssh_config_file)?;
    let old = read(&path)?;
    let (_, section, _) =
        ssh_config::split(&old).with_context(|| format!("cannot edit {}", path.display()))?;
    let previous = section.map(Choices::parse);
    let choices = choose(&args, previous)?;
    let deployment = context.client()?.ssh_config().await?;
    let section = section_of(&args, choices, deployment, context)?;
    let (prefix, suffix) = (section.prefix.clone(), section.suffix.clone());
    let new = ssh_config::replace(&old, &section.render())
        .with_context(|| format!("cannot edit {}", path.display()))?;
    if new == old {
        output::line(&format!("{} is up to date.", path.display()));
        return Ok(());
    }
    if args.dry_run {
        output::text_out(&difference(&path, &old, &new));
        return Ok(());
    }
    prompt::confirm(&format!("Change {}?", path.display()), args.yes)?;
    write(&path, &new)?;
    output::line(&format!("{} is updated. Connect with {}", path.display(), example(&prefix, &suffix)));
    Ok(())
}

/// The flags of this call, or those of the last one where the user wants them again.
fn choose(args: &ConfigSshArgs, previous: Option<Choices>) -> anyhow::Result<Choices> {
    let now = Choices {
        wait: if args.wait == Wait::Auto { String::new() } else { args.wait.as_str().to_owned() },
        prefix: args.ssh_host_prefix.clone(),
        suffix: args.hostname_suffix.clone(),
        disable_autostart: args.disable_autostart,
        ssh_options: args.ssh_option.clone(),
    };
    match previous {
        Some(previous) if args.use_previous_options => Ok(previous),
        Some(previous) if previous != now && !args.yes && prompt::can_ask() => {
            let answer = prompt::select(
                "The options differ from the last time.",
                vec!["Use the new options".into(), "Use the previous options".into()],
                "--use-previous-options or -y",
            )?;
            Ok(if answer.contains("new") { now } else { previous })
        }
        Some(_) | None => Ok(now),
    }
}

fn section_of(
    args: &ConfigSshArgs,
    choices: Choices,
    deployment: SshConfigResponse,
    context: &Context,
) -> anyhow::Result<Section> {
    let binary = match &args.coder_binary_path {
        Some(path) => path.clone(),
        None => std::env::current_exe().context("cannot find out where this executable is")?,
    };
    let config_dir = std::path::absolute(context.config.path()).context("the working directory is gone")?;
    let suffix = choices.suffix.clone().unwrap_or(deployment.hostname_suffix);
    Ok(Section {
        binary: text(&binary)?,
        config_dir: text(&config_dir)?,
        prefix: choices.prefix.clone().unwrap_or(deployment.hostname_prefix),
        suffix: suffix.trim_start_matches('.').to_owned(),
        user_options: choices.ssh_options.clone(),
        deployment_options: deployment.ssh_config_options.into_iter().collect(),
        choices,
    })
}

fn text(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}

fn example(prefix: &str, suffix: &str) -> String {
    if suffix.is_empty() {
        format!("`ssh {prefix}<workspace>`")
    } else {
        format!("`ssh <workspace>.{suffix}`")
    }
}

/// Expands `~` and follows a link, so that the link stays and its target is edited.
fn expand_home(path: &str) -> anyhow::Result<PathBuf> {
    let path = match path.strip_prefix("~/") {
        Some(rest) => {
            PathBuf::from(std::env::var_os("HOME").context("HOME is not set; use --ssh-config-file")?)
                .join(rest)
        }
        None => PathBuf::from(path),
    };
    Ok(fs::canonicalize(&path).unwrap_or(path))
}

fn read(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let Some(directory) = path.parent() else { bail!("{} is not a file", path.display()) };
    let aside = directory.join(format!(".warren-ssh-config.{}", std::process::id()));
    let written = fs::create_dir_all(directory)
        .and_then(|()| {
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)
        })
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&aside, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// The lines that go and those that come. Only our section changes, so no finer comparison is needed.
fn difference(path: &Path, old: &str, new: &str) -> String {
    let n_same_before = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
    let n_same_after = old
        .lines()
        .skip(n_same_before)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .zip(new.lines().skip(n_same_before).collect::<Vec<_>>().into_iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let changed = |text: &str, mark: char| {
        let n_lines = text.lines().count() - n_same_before - n_same_after;
        text.lines()
            .skip(n_same_before)
            .take(n_lines)
            .map(|line| format!("{mark}{line}\n"))
            .collect::<String>()
    };
    format!("--- {}\n+++ {}\n{}{}", path.display(), path.display(), changed(old, '-'), changed(new, '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_shows_only_what_changes() {
        let text = difference(Path::new("c"), "a\nb\nc\n", "a\nx\ny\nc\n");
        assert_eq!(text, "--- c\n+++ c\n-b\n+x\n+y\n");
        assert_eq!(difference(Path::new("c"), "", "a\n"), "--- c\n+++ c\n+a\n");
    }

    #[test]
    fn a_new_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".ssh/config");
        write(&path, "Host a\n").unwrap();
        assert_eq!(read(&path).unwrap(), "Host a\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
