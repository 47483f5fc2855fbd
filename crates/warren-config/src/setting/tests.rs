use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::json;
use url::Url;
use warren_rt::Secret;

use super::*;
use crate::tree::TlsVersion;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_single_value_takes_the_last_text() {
    let mut number = 1u32;
    number.set_texts(&texts(&["2", "3"])).unwrap();
    assert_eq!(number, 3);
    assert!(number.set_texts(&texts(&["-1"])).unwrap_err().contains("whole number"));
}

#[test]
fn a_list_takes_all_texts_and_their_commas() {
    let mut list = vec!["before".to_owned()];
    list.set_texts(&texts(&["a, b", "\"c,d\"", "say \"\"x"])).unwrap();
    assert_eq!(list, ["a", "b", "c,d", "say \"\"x"]);
    let again = list.text();
    let mut copy = Vec::<String>::new();
    copy.set_texts(&[again]).unwrap();
    assert_eq!(copy, list, "what is shown can be given back");
    assert!(list.set_texts(&texts(&["\"open"])).is_err());
}

#[test]
fn lists_and_maps_of_a_file_need_no_quoting() {
    let mut list = Vec::<String>::new();
    list.set_value(&json!(["a,b", 3, true])).unwrap();
    assert_eq!(list, ["a,b", "3", "true"]);
    assert!(list.set_value(&json!({"a": 1})).is_err());
    let mut map = BTreeMap::<String, Vec<String>>::new();
    map.set_value(&json!({"ops": ["owner", "auditor"], "dev": "member"})).unwrap();
    assert_eq!(map["ops"], ["owner", "auditor"]);
    assert_eq!(map["dev"], ["member"]);
    map.set_texts(&texts(&["{\"x\": [\"y\"]}"])).unwrap();
    assert_eq!(map.text(), "{\"x\":[\"y\"]}");
    assert!(map.set_texts(&texts(&["x=y"])).unwrap_err().contains("JSON object"));
}

#[test]
fn addresses_may_leave_the_host_out() {
    let mut address = SocketAddr::from(([1, 1, 1, 1], 1));
    for (text, full) in [
        (":80", "0.0.0.0:80"),
        ("localhost:1", "127.0.0.1:1"),
        ("[::1]:2", "[::1]:2"),
        ("1.2.3.4:5", "1.2.3.4:5"),
    ] {
        address.set_texts(&texts(&[text])).unwrap();
        assert_eq!(address.to_string(), full);
    }
    assert!(address.set_texts(&texts(&["3000"])).is_err());
    let mut none = Some(address);
    none.set_texts(&texts(&[""])).unwrap();
    assert_eq!(none, None);
}

#[test]
fn urls_get_a_scheme_and_lose_the_last_slash() {
    let mut url: Option<Url> = None;
    url.set_texts(&texts(&["dev.example.com/"])).unwrap();
    assert_eq!(url.text(), "https://dev.example.com");
    url.set_texts(&texts(&["localhost:3000"])).unwrap();
    assert_eq!(url.text(), "http://localhost:3000");
    for wrong in ["ftp://x", "http://", "https://x?y=1"] {
        assert!(url.set_texts(&texts(&[wrong])).is_err(), "{wrong}");
    }
}

#[test]
fn secrets_are_taken_but_never_shown() {
    let mut secret = Secret::<String>::default();
    secret.set_texts(&texts(&["hunter2"])).unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!((secret.text().as_str(), secret.json()), ("", json!("")));
    let mut list = Vec::<Secret<String>>::new();
    list.set_texts(&texts(&["a,b"])).unwrap();
    assert_eq!((list.len(), list.text().as_str(), list.json()), (2, "", json!([])));
}

#[test]
fn words_are_read_in_any_case() {
    let mut version = TlsVersion::Tls12;
    version.set_texts(&texts(&["TLS13"])).unwrap();
    assert_eq!((version, version.text().as_str()), (TlsVersion::Tls13, "tls13"));
    assert_eq!(version.set_texts(&texts(&["ssl3"])), Err("one of tls12, tls13".into()));
}

#[test]
fn durations_are_nanoseconds_in_the_api() {
    assert_eq!(Duration::from_secs(2).json(), json!(2_000_000_000));
}
