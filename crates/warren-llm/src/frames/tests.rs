use base64::Engine as _;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn events(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut framing = Framing::events();
    let mut frames = Vec::new();
    for piece in pieces {
        framing.push(piece, &mut frames).unwrap();
    }
    framing.finish(&mut frames);
    frames
}

fn frame(name: Option<&str>, data: &str) -> Frame {
    Frame { name: name.map(str::to_owned), data: data.to_owned() }
}

#[test]
fn comments_names_and_several_lines_of_data_are_read_with_any_line_end() {
    let text = ": hello\r\n\r\nevent: ping\r\ndata: a\r\ndata:b\r\n\r\nid: 7\ndata\n\nretry: 1\n\ndata: last";
    assert_eq!(
        events(&[text.as_bytes()]),
        [frame(Some("ping"), "a\nb"), frame(None, ""), frame(None, "last")]
    );
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_makes_no_difference(cuts in prop::collection::vec(0_usize..60, 0..12)) {
        let text = "event: ü\ndata: {\"t\":\"häß🦀\"}\r\n\r\ndata: [DONE]\r\r".as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(events(&pieces), events(&[text]));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for mut framing in [Framing::events(), Framing::binary()] {
            let mut frames = Vec::new();
            let _ = framing.push(&bytes, &mut frames);
            framing.finish(&mut frames);
        }
    }
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let mut framing = Framing::events();
    let piece = vec![b'x'; 1 << 20];
    let refused = (0..20).find_map(|_| framing.push(&piece, &mut Vec::new()).err());
    assert_eq!(refused, Some(Garbled::TooLarge));
}

#[test]
fn binary_messages_are_read_with_their_checksums() {
    let inner = base64::engine::general_purpose::STANDARD.encode(r#"{"type":"ping"}"#);
    let message = binary(&[(":event-type", "chunk")], &json!({ "bytes": inner }).to_string());
    let mut framing = Framing::binary();
    let mut frames = Vec::new();
    for byte in &message {
        framing.push(std::slice::from_ref(byte), &mut frames).unwrap();
    }
    assert_eq!(frames, [frame(Some("chunk"), r#"{"type":"ping"}"#)]);
    let mut broken = message;
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(Framing::binary().push(&broken, &mut Vec::new()), Err(Garbled::NotFrames));
    assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
}

fn binary(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap());
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let total = u32::try_from(16 + head.len() + payload.len()).unwrap();
    let mut message = total.to_be_bytes().to_vec();
    message.extend_from_slice(&u32::try_from(head.len()).unwrap().to_be_bytes());
    message.extend_from_slice(&checksum(&message).to_be_bytes());
    message.extend_from_slice(&head);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&checksum(&message).to_be_bytes());
    message
}
