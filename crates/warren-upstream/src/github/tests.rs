use reqwest::redirect::Policy;
use warren_dev_idp::{DevIdp, Person};

use super::*;

async fn idp() -> DevIdp {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    DevIdp::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn settings(idp: &DevIdp) -> GithubSettings {
    GithubSettings {
        client_id: idp.client().id,
        client_secret: idp.client().secret.into(),
        redirect_url: "http://localhost:1/api/v2/users/oauth2/github/callback".parse().unwrap(),
        enterprise_base_url: Some(idp.github_url().parse().unwrap()),
        allow_everyone: true,
        allowed_orgs: Vec::new(),
        allowed_teams: Vec::new(),
    }
}

async fn sign_in(settings: GithubSettings) -> Result<(UpstreamIdentity, UpstreamTokens), UpstreamError> {
    let provider = GithubProvider::new(settings);
    let flow = FlowSecrets::random();
    let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let response = browser.get(provider.authorize_url(&flow)).send().await.unwrap();
    let back: Url = response.headers()["location"].to_str().unwrap().parse().unwrap();
    let code = back.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned();
    provider.finish(&flow, &code).await
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_identified_by_number_and_verified_primary_address() {
    let idp = idp().await;
    idp.change(|world| world.person.login = String::from("grace_hopper"));
    let (identity, tokens) = sign_in(settings(&idp)).await.unwrap();
    assert_eq!((identity.linked_id().as_str(), identity.username.as_str()), ("1001", "grace-hopper"));
    assert_eq!((identity.email.as_str(), identity.name.as_str()), ("grace@example.com", "Grace Hopper"));
    assert!(!tokens.access.expose().is_empty());
}

#[tokio::test]
async fn an_unverified_primary_address_keeps_the_user_out() {
    let idp = idp().await;
    idp.change(|world| world.person.email_verified = false);
    let error = sign_in(settings(&idp)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Identity(IdentityError::NoVerifiedPrimary)), "{error:?}");
}

#[tokio::test]
async fn only_members_of_allowed_organizations_and_teams_sign_in() {
    let idp = idp().await;
    let person = Person {
        organizations: texts(&["Navy", "yale"]),
        teams: texts(&["navy/compilers"]),
        ..Person::default()
    };
    idp.change(|world| world.person = person);
    for (everyone, organizations, teams, is_allowed) in [
        (true, &[][..], &[][..], true),
        (false, &[][..], &[][..], false),
        (false, &["navy"][..], &[][..], true),
        (false, &["army"][..], &[][..], false),
        (false, &["army", "yale"][..], &[][..], true),
        (false, &["navy"][..], &["navy/compilers"][..], true),
        (false, &["navy"][..], &["navy/ships", "navy/compilers"][..], true),
        (false, &["navy"][..], &["navy/ships"][..], false),
        (false, &["yale"][..], &["army/compilers"][..], false),
        (false, &["navy"][..], &["nonsense"][..], false),
    ] {
        let settings = GithubSettings {
            allow_everyone: everyone,
            allowed_orgs: texts(organizations),
            allowed_teams: texts(teams),
            ..settings(&idp)
        };
        let outcome = sign_in(settings).await;
        assert_eq!(outcome.is_ok(), is_allowed, "{organizations:?} {teams:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn organizations_are_read_beyond_the_first_page() {
    let idp = idp().await;
    let many = (0..250).map(|number| format!("org-{number}")).collect();
    idp.change(|world| world.person.organizations = many);
    let settings =
        GithubSettings { allow_everyone: false, allowed_orgs: texts(&["org-249"]), ..settings(&idp) };
    assert_eq!(sign_in(settings).await.unwrap().0.organizations.len(), 250);
}

#[tokio::test]
async fn the_device_flow_waits_for_the_user() {
    let idp = idp().await;
    let provider =
        GithubProvider::new(GithubSettings { client_secret: String::new().into(), ..settings(&idp) });
    let device = provider.begin_device().await.unwrap();
    assert_eq!(device.user_code, "WDJB-MJHT");
    let code = device.device_code.expose();
    let pending = provider.poll_device(code).await.unwrap_err();
    assert!(matches!(pending, UpstreamError::Pending { reason: "authorization_pending" }), "{pending:?}");
    idp.confirm_devices();
    assert_eq!(provider.poll_device(code).await.unwrap().0.subject, "1001");
    let again = provider.poll_device(code).await.unwrap_err();
    assert!(matches!(again, UpstreamError::Refused { .. }), "{again:?}");
}

#[tokio::test]
async fn a_declined_device_code_is_refused() {
    let idp = idp().await;
    let provider = GithubProvider::new(settings(&idp));
    let device = provider.begin_device().await.unwrap();
    idp.change(|world| world.faults.denied = true);
    let error = provider.poll_device(device.device_code.expose()).await.unwrap_err();
    assert!(error.is_final() && error.to_string().contains("access_denied"), "{error}");
}

#[test]
fn addresses_follow_the_base() {
    let redirect: Url = "http://localhost/".parse().unwrap();
    let with = |base: Option<&str>| {
        GithubProvider::new(GithubSettings {
            client_id: String::from("id"),
            client_secret: String::new().into(),
            redirect_url: redirect.clone(),
            enterprise_base_url: base.map(|base| base.parse().unwrap()),
            allow_everyone: true,
            allowed_orgs: Vec::new(),
            allowed_teams: Vec::new(),
        })
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert_eq!(with(None).web("login/oauth/authorize").as_str(), "https://github.com/login/oauth/authorize");
    assert_eq!(with(None).api().as_str(), "https://api.github.com/");
    for base in ["https://git.example", "https://git.example/"] {
        assert_eq!(
            with(Some(base)).web("login/device/code").as_str(),
            "https://git.example/login/device/code"
        );
        assert_eq!(with(Some(base)).api().as_str(), "https://git.example/api/v3/");
    }
}
