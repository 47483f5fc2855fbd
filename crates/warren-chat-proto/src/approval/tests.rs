use serde_json::json;

use super::*;

fn rule(tool: &str, path: Option<&str>, command: Option<&str>, action: Verdict) -> Rule {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Rule { path: text(path), command: text(command), ..Rule::of(tool, action) }
}

fn decide(rules: &[Rule], tool_name: &str, args: &Value) -> Verdict {
    first(rules, tool_name, args, &Places::default()).unwrap_or(Verdict::Allow)
}

/// Places in which `/repo/link` leads to `/home/coder/.ssh`, and `/etc` to `/private/etc`.
fn places(rules: &[Rule], tool_name: &str, args: &Value) -> Places {
    let home = "/home/coder";
    let rules = Rules { user: rules.to_vec(), ..Rules::default() };
    let real = |path: &String| {
        let path = absolute(path, home)?.replacen("/repo/link", "/home/coder/.ssh", 1);
        Some(if path.starts_with("/etc") { format!("/private{path}") } else { path })
    };
    let real = rules.paths(tool_name, args).into_iter().map(|path| (path.clone(), real(&path))).collect();
    Places { home: home.into(), real }
}

fn decide_in_place(rules: &[Rule], tool_name: &str, args: &Value) -> Verdict {
    first(rules, tool_name, args, &places(rules, tool_name, args)).unwrap_or(Verdict::Allow)
}

#[test]
fn the_first_rule_that_fits_decides_and_none_allows() {
    let rules = [
        rule("execute", None, Some("git push*"), Verdict::Ask),
        rule("execute", None, Some("git *"), Verdict::Allow),
        rule("execute", None, None, Verdict::Deny),
    ];
    let of = |command: &str| decide(&rules, "execute", &json!({ "command": command }));
    assert_eq!(of(" git push origin main"), Verdict::Ask);
    assert_eq!(of("git push\n--force"), Verdict::Ask);
    assert_eq!(of("git status"), Verdict::Allow);
    assert_eq!(of("rm -rf /"), Verdict::Deny);
    assert_eq!(decide(&rules, "read_file", &json!({ "path": "/etc" })), Verdict::Allow);
    assert_eq!(decide(&[rule("*_file*", None, None, Verdict::Ask)], "edit_files", &json!({})), Verdict::Ask);
}

#[test]
fn a_pattern_for_paths_cannot_be_walked_around() {
    let deny = [rule("*", Some("/etc/**"), None, Verdict::Deny)];
    for path in ["/etc/passwd", "/etc/ssh/key", "/home/../etc/passwd", "//etc/./passwd"] {
        assert_eq!(decide(&deny, "read_file", &json!({ "path": path })), Verdict::Deny, "{path}");
    }
    assert_eq!(decide(&deny, "read_file", &json!({ "path": "/etcetera/x" })), Verdict::Allow);
    let one_level = [rule("*", Some("/srv/*"), None, Verdict::Ask)];
    assert_eq!(decide(&one_level, "read_file", &json!({ "path": "/srv/a/b" })), Verdict::Allow);
}

#[test]
fn a_path_that_leaves_its_directory_is_never_allowed_by_a_pattern() {
    let rules = |action| [rule("*", Some("/srv/**"), None, action), rule("*", None, None, Verdict::Ask)];
    for path in ["../../etc/passwd", "~/../other/key", "a/../../b", "~/../../srv/x"] {
        let args = json!({ "path": path });
        assert_eq!(decide(&rules(Verdict::Allow), "read_file", &args), Verdict::Ask, "{path}");
        assert_eq!(decide(&rules(Verdict::Deny), "read_file", &args), Verdict::Deny, "{path}");
    }
    let args = json!({ "path": "/../srv/x" });
    assert_eq!(decide(&rules(Verdict::Allow), "read_file", &args), Verdict::Allow, "nothing is above /");
}

#[test]
fn a_pattern_for_commands_allows_no_others_beside_them_and_refuses_them_anywhere() {
    let of = |pattern, action, command: &str| {
        let rules = [rule("execute", None, Some(pattern), action), rule("*", None, None, Verdict::Ask)];
        decide(&rules, "execute", &json!({ "command": command }))
    };
    let sly = ["git log; rm -rf /", "git log && rm x", "git log\nrm x", "git log $(rm x)", "git log `rm x`"];
    for command in sly.into_iter().chain(["git log > /etc/passwd", "git log | sh", "git log & rm x"]) {
        assert_eq!(of("git *", Verdict::Allow, command), Verdict::Ask, "{command}");
    }
    assert_eq!(of("git *", Verdict::Allow, "git log --oneline"), Verdict::Allow);
    assert_eq!(of("cd * && git *", Verdict::Allow, "cd /srv && git log"), Verdict::Allow);
    assert_eq!(of("cd * && git *", Verdict::Allow, "cd /srv && git log && rm x"), Verdict::Ask);
    for command in ["rm -rf x", "cd /srv && rm -rf x", "(rm -rf x)", "echo $(rm -rf x)"] {
        assert_eq!(of("rm *", Verdict::Deny, command), Verdict::Deny, "{command}");
    }
    assert_eq!(of("rm *", Verdict::Deny, "echo rm x"), Verdict::Ask);
}

#[test]
fn of_several_files_all_must_be_allowed_and_one_is_enough_to_refuse() {
    let edit = |paths: &[&str]| json!({ "files": paths.iter().map(|path| json!({ "path": path })).collect::<Vec<_>>() });
    let rules =
        [rule("edit_files", Some("/srv/**"), None, Verdict::Allow), rule("*", None, None, Verdict::Ask)];
    assert_eq!(decide(&rules, "edit_files", &edit(&["/srv/a", "/srv/b"])), Verdict::Allow);
    assert_eq!(decide(&rules, "edit_files", &edit(&["/srv/a", "/etc/b"])), Verdict::Ask);
    let deny = [rule("*", Some("/etc/**"), None, Verdict::Deny)];
    assert_eq!(decide(&deny, "edit_files", &edit(&["/srv/a", "/etc/b"])), Verdict::Deny);
    assert_eq!(decide(&rules, "execute", &json!({ "command": "ls" })), Verdict::Ask);
}

#[test]
fn a_user_may_be_stricter_than_the_deployment_but_not_milder() {
    let verdict = |chat, user, deployment| {
        let list = |action: Option<Verdict>| {
            action.map(|action| rule("*", None, None, action)).into_iter().collect()
        };
        Rules { chat: list(chat), user: list(user), deployment: list(deployment) }.decide(
            "execute",
            &json!({}),
            &Places::default(),
        )
    };
    use Verdict::{Allow, Ask, Deny};
    assert_eq!(verdict(None, None, None), Allow);
    assert_eq!(verdict(None, None, Some(Ask)), Ask);
    assert_eq!(verdict(None, Some(Deny), Some(Allow)), Deny);
    assert_eq!(verdict(Some(Allow), Some(Ask), None), Allow, "what was remembered comes first");
    assert_eq!(verdict(Some(Allow), Some(Deny), None), Deny, "but it does not undo what was forbidden since");
    assert_eq!(verdict(Some(Allow), Some(Allow), Some(Ask)), Ask);
    assert_eq!(verdict(Some(Allow), None, Some(Deny)), Deny);
    assert_eq!(verdict(Some(Deny), None, Some(Ask)), Deny);
}

#[test]
fn a_rule_that_cannot_be_read_lets_nothing_through() {
    let broken = |action| rule("execute", None, Some("["), action);
    assert!(broken(Verdict::Deny).check().unwrap_err().to_string().contains("\"[\""));
    let args = json!({ "command": "ls" });
    assert_eq!(decide(&[broken(Verdict::Deny)], "execute", &args), Verdict::Deny);
    let rules = [broken(Verdict::Allow), rule("*", None, None, Verdict::Ask)];
    assert_eq!(decide(&rules, "execute", &args), Verdict::Ask);
    assert!(rule("*", Some("/a/**"), Some("git *"), Verdict::Ask).check().is_ok());
}

#[test]
fn every_spelling_of_a_path_meets_the_rule_that_holds_it_back() {
    for pattern in ["/home/coder/.ssh/**", "~/.ssh/**", ".ssh/**"] {
        let rules = [rule("*", Some(pattern), None, Verdict::Deny)];
        let of = |tool: &str, args: Value| decide_in_place(&rules, tool, &args);
        for path in
            ["~/.ssh/id", ".ssh/id", "/home/coder/.ssh/id", "/home/coder/x/../.ssh//id", "/repo/link/id"]
        {
            assert_eq!(of("read_file", json!({ "path": path })), Verdict::Deny, "{pattern} {path}");
        }
        for path in ["~/.ssh", ".ssh", "/home/coder/.ssh/", "/repo/link"] {
            assert_eq!(of("list_files", json!({ "path": path })), Verdict::Deny, "{pattern} {path}");
        }
        for args in
            [json!({ "path": "/" }), json!({ "path": "/home" }), json!({}), json!({ "path": "~/.ssh" })]
        {
            assert_eq!(of("search_files", args.clone()), Verdict::Deny, "{pattern} {args}");
        }
        assert_eq!(of("search_files", json!({ "path": "/srv" })), Verdict::Allow, "{pattern}");
        assert_eq!(of("list_files", json!({})), Verdict::Allow, "{pattern}: names only");
        assert_eq!(of("read_file", json!({ "path": "~/.sshrc" })), Verdict::Allow, "{pattern}");
    }
    let real_name = [rule("*", Some("/etc/**"), None, Verdict::Ask)];
    let args = json!({ "path": "/private/etc/passwd" });
    assert_eq!(
        decide_in_place(&real_name, "read_file", &args),
        Verdict::Ask,
        "the rule's own place is a link"
    );
}

#[test]
fn a_tree_is_held_back_where_a_pattern_may_name_something_in_it() {
    let of = |pattern: &str, path: &str| {
        let rules = [rule("search_files", Some(pattern), None, Verdict::Deny)];
        decide_in_place(&rules, "search_files", &json!({ "path": path, "content": "x" }))
    };
    assert_eq!(of("/srv/**/secret", "/srv/app"), Verdict::Deny);
    assert_eq!(of("/srv/*/secret", "/srv/app"), Verdict::Deny);
    assert_eq!(of("**/secret", "/srv/app"), Verdict::Deny);
    assert_eq!(of("/srv/*", "/srv/app/src"), Verdict::Allow);
    assert_eq!(of("/srv/secret", "/srv/secrets"), Verdict::Allow);
}

#[test]
fn a_link_does_not_lead_out_of_what_is_allowed() {
    let rules = [rule("*", Some("/repo/**"), None, Verdict::Allow), rule("*", None, None, Verdict::Ask)];
    let of = |path: &str| decide_in_place(&rules, "write_file", &json!({ "path": path }));
    assert_eq!(of("/repo/src/main.rs"), Verdict::Allow);
    assert_eq!(of("/repo/link/authorized_keys"), Verdict::Ask);
    let unknown = Places { home: "/home/coder".into(), real: [("/repo/x".into(), None)].into() };
    let args = json!({ "path": "/repo/x" });
    assert_eq!(
        first(&rules, "write_file", &args, &unknown),
        Some(Verdict::Ask),
        "nobody knows where it leads"
    );
    let deny = [rule("*", Some("/elsewhere/**"), None, Verdict::Deny)];
    assert_eq!(first(&deny, "write_file", &args, &unknown), Some(Verdict::Deny));
}

#[test]
fn places_are_asked_for_only_where_a_rule_depends_on_them() {
    let rules = Rules {
        user: vec![rule("write_*", Some("~/x/*.rs"), None, Verdict::Ask)],
        deployment: vec![rule("execute", None, Some("rm *"), Verdict::Deny)],
        ..Rules::default()
    };
    assert!(rules.paths("read_file", &json!({ "path": "/a" })).is_empty());
    assert!(rules.paths("execute", &json!({ "command": "rm x" })).is_empty());
    let wanted: Vec<_> = rules.paths("write_file", &json!({ "path": "/a" })).into_iter().collect();
    assert_eq!(wanted, ["/a", "~/x"]);
}

#[test]
fn a_command_is_found_behind_what_may_stand_before_it() {
    let deny = [rule("execute", None, Some("rm *"), Verdict::Deny)];
    let of = |command: &str| decide(&deny, "execute", &json!({ "command": command }));
    for command in [
        "rm\t-rf x",
        "sudo rm x",
        "sudo -u root rm x",
        "FOO=1 BAR=2 rm x",
        "env A=1 rm x",
        "command rm x",
        "if true; then rm x; fi",
        "for f in a; do rm $f; done",
        "{ rm x; }",
        "! rm x",
        "timeout 5 nice -n 10 rm x",
        "/bin/rm x",
        "\\rm x",
        "'rm' x",
        "find . | xargs -0 rm -f",
    ] {
        assert_eq!(of(command), Verdict::Deny, "{command}");
    }
    for command in ["echo rm x", "git rm x", "env", "sudo ls rm x", "farm x"] {
        assert_eq!(of(command), Verdict::Allow, "{command}");
    }
}
