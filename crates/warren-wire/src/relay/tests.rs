use proptest::prelude::*;

use super::*;

#[test]
fn every_record_survives_a_round_trip_in_one_batch() {
    proptest!(|(records in prop::collection::vec(any_record(), 0..20))| {
        let mut bytes = BytesMut::new();
        for record in &records {
            record.append_to(&mut bytes).unwrap();
        }
        let decoded: Result<Vec<Record>, BadRecord> = Batch::new(bytes).unwrap().collect();
        prop_assert_eq!(decoded, Ok(records));
    });
}

#[test]
fn decoding_any_bytes_ends_without_a_panic() {
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..4096))| {
        let decoded: Vec<_> = Batch::new(BytesMut::from(&bytes[..])).unwrap().collect();
        prop_assert!(decoded.len() <= bytes.len() / HEADER_LEN + 1);
    });
}

#[test]
fn damaged_batches_end_without_a_panic() {
    proptest!(|(records in prop::collection::vec(any_record(), 1..8), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>())| {
        let mut bytes = BytesMut::new();
        for record in &records {
            record.append_to(&mut bytes).unwrap();
        }
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = Batch::new(bytes).unwrap().count();
    });
}

#[test]
fn a_record_cut_off_in_the_middle_is_named() {
    let mut bytes = BytesMut::new();
    Record::Ping { token: 7 }.append_to(&mut bytes).unwrap();
    bytes.truncate(bytes.len() - 1);
    assert_eq!(Batch::new(bytes).unwrap().next(), Some(Err(BadRecord::Truncated)));
}

#[test]
fn a_bad_record_ends_the_batch() {
    let mut bytes = BytesMut::from(&[99, 0, 0, 0][..]);
    Record::Ping { token: 7 }.append_to(&mut bytes).unwrap();
    let decoded: Vec<_> = Batch::new(bytes).unwrap().collect();
    assert_eq!(decoded, [Err(BadRecord::UnknownKind(99))]);
}

#[test]
fn limits_hold_on_both_sides() {
    let mut batch = BytesMut::new();
    let long = vec![0; RECORD_MAX - DATA_OVERHEAD + 1];
    assert_eq!(append_data(&mut batch, 1, &long), Err(BadRecord::RecordTooLong(RECORD_MAX + 1)));
    assert!(batch.is_empty());
    assert_eq!(peek(&[Kind::Data as u8, 0, 0xff, 0xff]), Err(BadRecord::RecordTooLong(0xffff + HEADER_LEN)));
    let batch = BytesMut::zeroed(BATCH_MAX + 1);
    assert_eq!(Batch::new(batch).err(), Some(BadRecord::BatchTooLong(BATCH_MAX + 1)));
}

#[test]
fn relabelling_changes_only_kind_and_alias() {
    let mut batch = BytesMut::new();
    append_data(&mut batch, 3, b"datagram").unwrap();
    assert_eq!(peek(&batch).unwrap().alias, Some(3));
    relabel(&mut batch, 9);
    let record = Batch::new(batch).unwrap().next().unwrap().unwrap();
    assert_eq!(record, Record::From { alias: 9, datagram: BytesMut::from(&b"datagram"[..]) });
}

fn any_record() -> impl Strategy<Value = Record> {
    let key = any::<[u8; 32]>().prop_map(PublicKey::new);
    let datagram =
        || prop::collection::vec(any::<u8>(), 0..1400).prop_map(|bytes| BytesMut::from(&bytes[..]));
    let refusal = prop_oneof![Just(Refusal::NoTunnel), Just(Refusal::BadAlias)];
    let gone = prop_oneof![Just(GoneReason::NotConnected), Just(GoneReason::TunnelRemoved)];
    prop_oneof![
        (any::<u16>(), key.clone()).prop_map(|(version, public_key)| Record::Hello { version, public_key }),
        (key.clone(), any::<[u8; 32]>())
            .prop_map(|(relay_key, nonce)| Record::Challenge { relay_key, nonce }),
        any::<[u8; 32]>().prop_map(|mac| Record::Proof { mac }),
        (any::<u16>(), any::<u32>())
            .prop_map(|(record_max, batch_max)| Record::Ready { record_max, batch_max }),
        (any::<u32>(), key).prop_map(|(alias, destination)| Record::Open { alias, destination }),
        any::<u32>().prop_map(|alias| Record::Opened { alias }),
        (any::<u32>(), refusal).prop_map(|(alias, reason)| Record::Refused { alias, reason }),
        (any::<u32>(), datagram()).prop_map(|(alias, datagram)| Record::Data { alias, datagram }),
        (any::<u32>(), datagram()).prop_map(|(alias, datagram)| Record::From { alias, datagram }),
        (any::<u32>(), gone).prop_map(|(alias, reason)| Record::Gone { alias, reason }),
        any::<u64>().prop_map(|token| Record::Ping { token }),
        any::<u64>().prop_map(|token| Record::Pong { token }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(after_ms, spread_ms)| Record::Restarting { after_ms, spread_ms }),
    ]
}
