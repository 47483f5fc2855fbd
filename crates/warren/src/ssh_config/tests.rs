use super::*;

fn section() -> Section {
    Section {
        binary: "/usr/bin/warren".into(),
        config_dir: "/home/ann/.config/coderv2".into(),
        prefix: "coder.".into(),
        suffix: "coder".into(),
        user_options: Vec::new(),
        deployment_options: Vec::new(),
        choices: Choices::default(),
    }
}

#[test]
fn the_section_has_the_layout_that_other_tools_know() {
    let expected = "\
# ------------START-CODER-----------
# This section is managed by coder. DO NOT EDIT.
#
# `warren config-ssh` writes it anew each time, so changes made here are lost.
# Options of your own belong outside of it.
#
Host coder.*
\tConnectTimeout=0
\tStrictHostKeyChecking=no
\tUserKnownHostsFile=/dev/null
\tLogLevel ERROR
\tProxyCommand /usr/bin/warren --global-config /home/ann/.config/coderv2 ssh --stdio --ssh-host-prefix coder. %h

Host *.coder
\tConnectTimeout=0
\tStrictHostKeyChecking=no
\tUserKnownHostsFile=/dev/null
\tLogLevel ERROR

Match host *.coder !exec \"/usr/bin/warren connect exists %h\"
\tProxyCommand /usr/bin/warren --global-config /home/ann/.config/coderv2 ssh --stdio --hostname-suffix coder %h
# ------------END-CODER------------";
    assert_eq!(section().render(), expected);
}

#[test]
fn the_text_around_the_section_is_kept() {
    let first = replace("Host a\n  Port 1\n", &section().render()).unwrap();
    assert!(first.starts_with("Host a\n  Port 1\n\n# ----"));
    let with_more = format!("{first}\nHost b\n");
    let mut other = section();
    other.suffix = "dev".into();
    let second = replace(&with_more, &other.render()).unwrap();
    assert!(second.starts_with("Host a\n  Port 1\n\n# ----"));
    assert!(second.ends_with("END-CODER------------\n\nHost b\n"));
    assert!(second.contains("Host *.dev") && !second.contains("Host *.coder"));
    assert_eq!(replace(&second, &other.render()).unwrap(), second);
}

#[test]
fn unbalanced_markers_are_an_error() {
    assert_eq!(replace(START, "x"), Err(SectionError::NoEnd));
    assert_eq!(replace(END, "x"), Err(SectionError::NoStart));
    assert_eq!(replace(&format!("{END}\n{START}"), "x"), Err(SectionError::NoStart));
    let twice = format!("{START}\n{END}\n{START}\n{END}\n");
    assert_eq!(replace(&twice, "x"), Err(SectionError::Several));
}

#[test]
fn options_of_the_user_come_first_and_can_remove_defaults() {
    let mut section = section();
    section.user_options = vec!["ForwardAgent=yes".into(), "loglevel=".into()];
    section.deployment_options =
        vec![("LogLevel".into(), "DEBUG".into()), ("Compression".into(), "yes".into())];
    let options = section.options();
    let expected = [
        "ForwardAgent=yes",
        "Compression yes",
        "ConnectTimeout=0",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
    ];
    assert_eq!(options, expected);
}

#[test]
fn choices_are_remembered_in_the_section() {
    let mut section = section();
    section.choices = Choices {
        wait: "yes".into(),
        prefix: Some("w.".into()),
        suffix: None,
        disable_autostart: true,
        ssh_options: vec!["ForwardAgent=yes".into()],
    };
    let text = section.render();
    assert_eq!(Choices::parse(&text), section.choices);
    assert!(text.contains("ssh --stdio --wait=yes --disable-autostart=true --ssh-host-prefix"));
}

#[test]
fn paths_with_blanks_are_quoted() {
    let mut section = section();
    section.binary = "/opt/my tools/warren".into();
    let text = section.render();
    assert!(text.contains("ProxyCommand \"/opt/my tools/warren\" --global-config"));
    assert!(text.contains("!exec \"\\\"/opt/my tools/warren\\\" connect exists %h\""));
}
