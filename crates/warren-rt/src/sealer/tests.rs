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

fn text(byte: u8) -> String {
    BASE64.encode([byte; KEY_LEN])
}

#[test]
fn the_first_key_seals_and_every_key_opens() {
    let (old, new) = (Sealer::from_key(&[1; KEY_LEN]), Sealer::from_key(&[2; KEY_LEN]));
    let both = Sealer::from_texts([text(2).as_str(), &text(1)]).unwrap().unwrap();
    let sealed = old.seal(b"state");
    assert_eq!(both.open(&sealed).unwrap(), b"state");
    assert!(both.is_old(&sealed) && !old.is_old(&sealed));
    let resealed = both.seal(b"state");
    assert_eq!(new.open(&resealed).unwrap(), b"state");
    assert!(!both.is_old(&resealed) && !both.is_old(&[]));
    let unknown = old.open(&resealed).unwrap_err();
    assert!(matches!(unknown, SealError::UnknownKey { id } if id == new.key_id()), "{unknown}");
    assert_eq!(new.with_older(&old).open(&sealed).unwrap(), b"state");
}

/// A value of the time before keys had names: version 1, nonce, body.
#[test]
fn values_without_the_name_of_a_key_still_open() {
    let key = aead(&[1; KEY_LEN]);
    let mut body = b"state".to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([5; NONCE_LEN]), Aad::empty(), &mut body)
        .unwrap();
    let sealed = [&[WITHOUT_ID][..], &[5; NONCE_LEN], &body].concat();
    let ring = Sealer::from_texts([text(2).as_str(), &text(1)]).unwrap().unwrap();
    assert_eq!(ring.open(&sealed).unwrap(), b"state");
    assert!(ring.is_old(&sealed) && Sealer::from_key(&[1; KEY_LEN]).is_old(&sealed));
    assert!(Sealer::from_key(&[2; KEY_LEN]).open(&sealed).is_err());
}

#[test]
fn a_value_cannot_be_given_the_name_of_another_key() {
    let ring = Sealer::from_texts([text(2).as_str(), &text(1)]).unwrap().unwrap();
    let mut sealed = ring.seal(b"state");
    sealed[1..HEADER_LEN].copy_from_slice(&Sealer::from_key(&[1; KEY_LEN]).key_id().0);
    assert!(matches!(ring.open(&sealed), Err(SealError::Open)));
    for end in 0..sealed.len() {
        assert!(ring.open(&sealed[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn texts_that_are_no_keys_are_named_by_number_only() {
    assert!(Sealer::from_texts([]).unwrap().is_none());
    for bad in ["", "hunter2", "aHVudGVyMg==", &BASE64.encode([1; 31]), &BASE64.encode([1; 33])] {
        let error = Sealer::from_texts([text(1).as_str(), bad]).unwrap_err();
        assert!(matches!(error, SealError::KeyText { number: 2 }), "{error}");
        assert!(bad.is_empty() || !error.to_string().contains(bad));
    }
    assert!(Sealer::from_texts([format!(" {}\n", text(1)).as_str()]).is_ok());
}

#[test]
fn key_ids_are_texts_that_come_back_and_do_not_show_the_key() {
    let sealer = Sealer::from_key(&[0xab; KEY_LEN]);
    let id = sealer.key_id().to_string();
    assert_eq!((id.len(), id.parse::<KeyId>().unwrap()), (8, sealer.key_id()));
    assert_ne!(id, "abababab");
    assert!("xyz".parse::<KeyId>().is_err());
    assert!(!format!("{sealer:?}").contains("171, 171"));
}
