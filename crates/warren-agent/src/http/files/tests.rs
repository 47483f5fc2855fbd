use std::os::unix::fs::PermissionsExt;

use warren_wire::agent_http::{FileEdit, FileEdits};

use super::super::changes::Changes;
use super::*;

fn edit(path: &Path, search: &str, replace: &str) -> FileEdits {
    let edit = FileEdit { search: search.into(), replace: replace.into(), replace_all: false };
    FileEdits { path: path.to_str().unwrap().into(), edits: vec![edit] }
}

#[test]
fn edits_of_one_file_at_the_same_time_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lines");
    let lines: Vec<_> = (0..8).map(|n| format!("line {n}.\n{}", "x\n".repeat(20_000))).collect();
    std::fs::write(&path, lines.concat()).unwrap();
    let changes = Changes::default();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let file = edit(&path, &format!("line {n}."), &format!("done {n}."));
            let request = EditFiles { files: vec![file], ..EditFiles::default() };
            let (changes, files) = (&changes, vec![path.clone()]);
            scope.spawn(move || {
                changes.make("", None, files, || edit_all(&request).map(Change::Edited)).unwrap();
            });
        }
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("done").count(), 8);
}

#[test]
fn files_that_were_put_get_their_text_back_when_a_later_one_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    std::fs::write(&a, "alpha").unwrap();
    std::fs::create_dir(&b).unwrap();
    std::fs::write(b.join("full"), "").unwrap();
    let file = |path: &Path| Prepared { path: path.into(), before: "alpha".into(), after: "new".into() };
    // A file cannot take the place of a directory.
    put_all(&[file(&a), file(&b)]).unwrap_err();
    assert_eq!(std::fs::read_to_string(&a).unwrap(), "alpha");
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "temporary files are left: {left:?}");
}

#[test]
fn an_edit_keeps_the_mode_and_follows_links() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    std::fs::write(&real, "one\n").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o741)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let request = EditFiles { files: vec![edit(&link, "one", "two")], ..EditFiles::default() };
    edit_all(&request).unwrap();
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "two\n");
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o741);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
}
