use super::*;

fn policy(additional: &[&str]) -> Result<ContentSecurityPolicy, CspError> {
    ContentSecurityPolicy::new(&additional.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
}

fn text(policy: &ContentSecurityPolicy, host: Option<&str>) -> String {
    policy.header(host, false).to_str().unwrap().to_owned()
}

#[test]
fn websockets_of_the_own_host_are_allowed_and_no_other() {
    let policy = policy(&[]).unwrap();
    let header = text(&policy, Some("warren.example:3000"));
    assert!(
        header.contains("connect-src 'self' ws://warren.example:3000 wss://warren.example:3000; "),
        "{header}"
    );
    assert!(
        header.contains("frame-ancestors 'none'; ") && header.contains("script-src 'self'; "),
        "{header}"
    );
    let forged = text(&policy, Some("x; script-src *"));
    assert!(forged.contains("connect-src 'self'; ") && !forged.contains('*'), "{forged}");
}

#[test]
fn operators_add_sources_but_nothing_that_is_not_a_directive() {
    let header = text(&policy(&["img-src https://a.example", "object-src https://b.example"]).unwrap(), None);
    assert!(header.contains("img-src 'self' data: blob: https://a.example; "), "{header}");
    assert!(header.contains("object-src https://b.example; "), "{header}");
    for wrong in ["img-src x; script-src *", "", "IMG x", "img-src \u{e9}", "img-src a, b"] {
        let error = policy(&[wrong]).unwrap_err();
        assert!(error.to_string().contains("--additional-csp-policy"), "{error}");
    }
}

#[test]
fn a_page_that_may_be_framed_says_nothing_about_its_ancestors() {
    let header = policy(&[]).unwrap().header(None, true);
    assert!(!header.to_str().unwrap().contains("frame-ancestors"));
}
