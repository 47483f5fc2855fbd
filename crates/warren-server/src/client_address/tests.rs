use axum::http::HeaderValue;

use super::*;

fn proxies(headers: &[&str], origins: &[&str]) -> TrustedProxies {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    TrustedProxies::parse(&owned(headers), &owned(origins)).unwrap()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn client(proxies: &TrustedProxies, peer: &str, pairs: &[(&'static str, &'static str)]) -> String {
    proxies.client(peer.parse().unwrap(), &mut headers(pairs)).to_string()
}

#[test]
fn strangers_cannot_name_another_client_and_lose_their_headers() {
    let trusting = proxies(&["x-real-ip"], &["10.0.0.0/8"]);
    let mut sent = headers(&[("x-forwarded-for", "1.2.3.4"), ("x-real-ip", "1.2.3.4"), ("accept", "*/*")]);
    assert_eq!(trusting.client("192.0.2.1".parse().unwrap(), &mut sent).to_string(), "192.0.2.1");
    assert_eq!(sent.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    assert_eq!(client(&TrustedProxies::default(), "127.0.0.1", &[("x-real-ip", "1.2.3.4")]), "127.0.0.1");
}

#[test]
fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
    let trusting = proxies(&[], &["10.0.0.0/8", "::1"]);
    let forged = "6.6.6.6, 1.2.3.4, 10.2.2.2";
    assert_eq!(client(&trusting, "10.1.1.1", &[("x-forwarded-for", forged)]), "1.2.3.4");
    assert_eq!(client(&trusting, "::1", &[("x-forwarded-for", "2001:db8::1")]), "2001:db8::1");
    assert_eq!(client(&trusting, "10.1.1.1", &[("x-forwarded-for", "1.2.3.4:5678")]), "1.2.3.4");
    assert_eq!(client(&trusting, "::ffff:10.1.1.1", &[("x-forwarded-for", "1.2.3.4")]), "1.2.3.4");
}

#[test]
fn a_proxy_that_names_no_client_is_the_client() {
    let trusting = proxies(&["x-real-ip", "x-forwarded-for"], &["10.0.0.0/8"]);
    assert_eq!(client(&trusting, "10.1.1.1", &[]), "10.1.1.1");
    assert_eq!(client(&trusting, "10.1.1.1", &[("x-real-ip", "unknown")]), "10.1.1.1");
    assert_eq!(client(&trusting, "10.1.1.1", &[("x-forwarded-for", "1.2.3.4, nonsense")]), "10.1.1.1");
    assert_eq!(client(&trusting, "10.1.1.1", &[("x-forwarded-for", "10.9.9.9")]), "10.1.1.1");
}

#[test]
fn options_that_are_no_headers_or_networks_are_named() {
    for wrong in ["10.0.0.0/33", "10.0.0/8", "::/129", "host.example", ""] {
        let error = TrustedProxies::parse(&[], &[wrong.to_owned()]).unwrap_err();
        assert!(error.to_string().contains(&format!("{wrong:?}")), "{error}");
    }
    assert!(TrustedProxies::parse(&[String::from("not a header")], &[]).is_err());
    assert!(proxies(&[], &["0.0.0.0/0"]).trusts("203.0.113.9".parse().unwrap()));
    assert!(!proxies(&[], &["203.0.113.8/31"]).trusts("203.0.113.10".parse().unwrap()));
}
