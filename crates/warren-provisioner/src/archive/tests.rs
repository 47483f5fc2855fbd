use super::*;

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_old();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn files_are_written_even_without_entries_for_their_directories() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(&[("main.tf", b"x"), ("./modules/a/main.tf", b"y")]);
    assert!(unpack(&archive, dir.path()).unwrap().is_empty());
    assert_eq!(fs::read(dir.path().join("modules/a/main.tf")).unwrap(), b"y");
    let mode = fs::metadata(dir.path().join("main.tf")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o711);
}

#[test]
fn paths_that_lead_out_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    for path in ["../out.tf", "/etc/out.tf", "a/../../out.tf"] {
        let result = unpack(&archive(&[("main.tf", b"x"), (path, b"x")]), &inner);
        assert!(matches!(result, Err(ArchiveError::NonLocal(_))), "{path}");
    }
    assert!(!dir.path().join("out.tf").exists());
}

#[test]
fn links_are_left_out_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "passwd", "/etc/passwd").unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    builder.append_data(&mut header, "main.tf", b"x".as_slice()).unwrap();
    let left_out = unpack(&builder.into_inner().unwrap(), dir.path()).unwrap();
    assert_eq!(left_out, [PathBuf::from("passwd")]);
    assert!(!dir.path().join("passwd").exists());
}

#[test]
fn an_archive_needs_terraform_in_its_root() {
    let dir = tempfile::tempdir().unwrap();
    let result = unpack(&archive(&[("README.md", b"x"), ("sub/main.tf", b"x")]), dir.path());
    assert!(matches!(result, Err(ArchiveError::NoTerraform)));
    assert!(unpack(b"no tar at all, not even close", dir.path()).is_err());
}

#[test]
fn a_large_file_is_refused_rather_than_cut() {
    let dir = tempfile::tempdir().unwrap();
    let large = vec![0; FILE_BYTES_MAX as usize + 1];
    let result = unpack(&archive(&[("main.tf", b"x"), ("large", &large)]), dir.path());
    assert!(matches!(result, Err(ArchiveError::FileTooLarge(_))));
}
