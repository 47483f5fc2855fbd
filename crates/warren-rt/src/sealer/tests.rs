use super::*;

#[test]
fn a_value_comes_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = Sealer::load_or_create(dir.path()).unwrap().seal(b"state");
    assert!(!sealed.windows(5).any(|window| window == b"state"));
    assert_eq!(Sealer::load_or_create(dir.path()).unwrap().open(&sealed).unwrap(), b"state");
    let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_changed_value_or_a_foreign_key_is_refused() {
    let sealer = Sealer::from_key(&[1; KEY_LEN]);
    let mut sealed = sealer.seal(b"state");
    assert!(Sealer::from_key(&[2; KEY_LEN]).open(&sealed).is_err());
    *sealed.last_mut().unwrap() ^= 1;
    assert!(sealer.open(&sealed).is_err());
    assert!(sealer.open(&[]).is_err());
}

#[test]
fn an_open_key_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Sealer::load_or_create(dir.path()).unwrap();
    let path = dir.path().join(KEY_FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Sealer::load_or_create(dir.path()), Err(SealError::KeyMode { .. })));
}
