use clap::CommandFactory as _;

use super::*;

fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("warren").chain(line.iter().copied()))
}

fn ssh(line: &[&str]) -> SshArgs {
    match parse(line).unwrap().command {
        Command::Ssh(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn no_argument_of_a_command_takes_the_place_of_a_global_flag() {
    fn look(command: &clap::Command, globals: &[String], wrong: &mut Vec<String>) {
        for argument in command.get_arguments().filter(|argument| !argument.is_global_set()) {
            let id = argument.get_id().to_string();
            if globals.contains(&id) {
                wrong.push(format!("{}: {id}", command.get_name()));
            }
        }
        command.get_subcommands().for_each(|command| look(command, globals, wrong));
    }
    let command = Cli::command();
    let globals: Vec<_> = command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    let mut wrong = Vec::new();
    look(&command, &globals, &mut wrong);
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn everything_after_the_workspace_belongs_to_the_remote_command() {
    assert_eq!(ssh(&["ssh", "dev", "--", "ls", "-la"]).command, ["ls", "-la"]);
    assert_eq!(ssh(&["ssh", "dev", "ls", "-la", "--tty"]).command, ["ls", "-la", "--tty"]);
}

#[test]
fn the_proxy_command_of_config_ssh_is_understood() {
    let args = ssh(&["--global-config", "/c", "ssh", "--stdio", "--ssh-host-prefix", "coder.", "coder.dev"]);
    assert!(args.stdio);
    assert_eq!(args.ssh_host_prefix.as_deref(), Some("coder."));
    assert_eq!(args.workspace, "coder.dev");
}

#[test]
fn login_takes_a_url_or_a_subcommand() {
    let Command::Login(args) = parse(&["login", "http://x", "--first-user-trial"]).unwrap().command else {
        panic!("not a login");
    };
    assert_eq!(args.server.as_deref(), Some("http://x"));
    let cli = parse(&["login", "token", "--url", "http://y"]).unwrap();
    assert_eq!(cli.globals.url.as_deref(), Some("http://y"));
    let Command::Login(args) = parse(&["login", "token"]).unwrap().command else {
        panic!("not a login");
    };
    assert!(matches!(args.command, Some(LoginCommand::Token)));
}

#[test]
fn a_parameter_may_contain_equals_signs() {
    let Command::Create(args) = parse(&["create", "dev", "-t", "t", "--parameter", "a=b=c"]).unwrap().command
    else {
        panic!("not a create");
    };
    assert_eq!(args.parameters.parameter, [("a".to_owned(), "b=c".to_owned())]);
    assert!(parse(&["create", "dev", "--parameter", "=c"]).is_err());
}

#[test]
fn durations_are_written_in_units_or_minutes() {
    assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
    assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
    assert_eq!(duration("45"), Ok(Duration::from_secs(2700)));
    assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
    for wrong in ["", "h", "1x", "1h30", "99999999999999999999h"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn activate_can_be_switched_off() {
    let Command::Templates(TemplatesCommand::Push(args)) =
        parse(&["templates", "push", "-y", "--activate=false"]).unwrap().command
    else {
        panic!("not a push");
    };
    assert!(!args.activate);
}

#[test]
fn the_proxy_command_of_an_editor_is_understood() {
    let args = ssh(&[
        "--global-config",
        "/c",
        "ssh",
        "--disable-autostart=true",
        "--stdio",
        "--usage-app=vscode",
        "--network-info-dir",
        "/net",
        "--log-dir",
        "/log",
        "-v",
        "--ssh-host-prefix",
        "coder-vscode.localhost--",
        "coder-vscode.localhost--ann--dev",
    ]);
    assert!(args.disable_autostart && args.stdio);
    assert_eq!(args.usage_app, "vscode");
    assert_eq!(args.workspace, "coder-vscode.localhost--ann--dev");
    assert!(ssh(&["ssh", "--disable-autostart", "dev"]).disable_autostart);
}
