//! OpenID Connect: discovery, authorization code with PKCE, token checks, user info, refresh.

use openidconnect::{
    AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, Scope, TokenResponse,
    core::{
        CoreClient, CoreClientAuthMethod, CoreIdToken, CoreProviderMetadata, CoreResponseType,
        CoreTokenResponse,
    },
};
use url::Url;
use warren_rt::Secret;

use crate::{
    claims::{self, ClaimRules, Claims, UpstreamIdentity},
    error::UpstreamError,
    flow::{FlowSecrets, UpstreamTokens},
    http::Http,
};

mod discovery;
mod failure;
mod user_info;
mod verify;

pub(crate) use failure::shortened;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the administrator says about the provider.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// As the provider calls itself; whether it ends in a slash does not matter.
    pub issuer_url: String,
    pub client_id: String,
    /// Empty for a public client.
    pub client_secret: Secret<String>,
    /// Where the provider sends the browser back to.
    pub redirect_url: Url,
    pub scopes: Vec<String>,
    /// Further parameters of the authorization URL.
    pub auth_url_params: Vec<(String, String)>,
    /// Leaves the user-info endpoint alone and takes the id token's claims only.
    pub ignore_user_info: bool,
    /// Takes a provider that calls itself by another URL.
    pub skip_issuer_checks: bool,
    pub rules: ClaimRules,
}

/// A provider; clones share what was discovered about it.
#[derive(Clone)]
pub struct OidcProvider {
    settings: OidcSettings,
    http: Http,
    discovered: discovery::Cache,
}

impl OidcProvider {
    /// Makes a provider. It is contacted when somebody signs in, so that the server starts without it.
    pub fn new(settings: OidcSettings) -> Self {
        Self { settings, http: Http::new(), discovered: discovery::Cache::default() }
    }

    /// The URL at which the browser begins to sign in.
    ///
    /// # Errors
    /// Fails when the provider cannot be discovered.
    pub async fn authorize_url(&self, flow: &FlowSecrets) -> Result<Url, UpstreamError> {
        let client = self.client(self.metadata(false).await?);
        let (state, nonce) = (flow.state.expose().clone(), flow.nonce());
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier(flow)));
        // The scope `openid` is added by the request itself.
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid");
        request = request.add_scopes(scopes.map(|scope| Scope::new(scope.clone())));
        for (name, value) in &self.settings.auth_url_params {
            request = request.add_extra_param(name, value);
        }
        Ok(request.url().0)
    }

    /// Exchanges the code that the browser brought back and checks who it stands for.
    ///
    /// # Errors
    /// Fails when the provider refuses the code, its token is not valid, or the user may not sign in.
    pub async fn finish(
        &self,
        flow: &FlowSecrets,
        code: String,
    ) -> Result<(UpstreamIdentity, UpstreamTokens), UpstreamError> {
        let metadata = self.metadata(false).await?;
        let client = self.client(metadata.clone());
        let http = self.http.caller();
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(failure::of_metadata)?;
        let response: CoreTokenResponse = request
            .set_pkce_verifier(verifier(flow))
            .request_async(&http)
            .await
            .map_err(failure::of_token)?;
        let token = response.id_token().ok_or_else(|| UpstreamError::answer("it has no id token"))?;
        let mut claims = self.verified(token, &metadata, &Nonce::new(flow.nonce())).await?;
        if !self.settings.ignore_user_info
            && let Some(endpoint) = metadata.userinfo_endpoint()
        {
            let access = response.access_token().secret();
            let subject =
                claims.get("sub").and_then(|subject| subject.as_str()).unwrap_or_default().to_owned();
            claims =
                claims::merge(claims, user_info::fetch(&self.http, endpoint.url(), access, &subject).await?);
        }
        Ok((claims::identify(claims, &self.settings.rules)?, tokens(&response, None)))
    }

    /// Gets a new access token. Providers may hand out a new refresh token as well; the old one may be void then.
    ///
    /// # Errors
    /// [`UpstreamError::is_final`] tells a refusal from a provider that cannot be reached.
    pub async fn refresh(&self, refresh: &Secret<String>) -> Result<UpstreamTokens, UpstreamError> {
        let client = self.client(self.metadata(false).await?);
        let token = RefreshToken::new(refresh.expose().clone());
        let http = self.http.caller();
        let request = client.exchange_refresh_token(&token).map_err(failure::of_metadata)?;
        let response = request.request_async(&http).await.map_err(failure::of_token)?;
        Ok(tokens(&response, Some(refresh)))
    }

    /// Checks an id token; a key that is not known yet is looked for once more, as providers change their keys.
    async fn verified(
        &self,
        token: &CoreIdToken,
        metadata: &CoreProviderMetadata,
        nonce: &Nonce,
    ) -> Result<Claims, UpstreamError> {
        let client = self.client(metadata.clone());
        match verify::check(token, &client, &self.settings, nonce) {
            Err(verify::Failure::UnknownKey) => {}
            Err(verify::Failure::Invalid(why)) => return Err(UpstreamError::Token { why }),
            Ok(claims) => return Ok(claims),
        }
        let client = self.client(self.metadata(true).await?);
        verify::check(token, &client, &self.settings, nonce).map_err(|failure| match failure {
            verify::Failure::UnknownKey => UpstreamError::Token {
                why: String::from("it is signed with a key that the provider does not list"),
            },
            verify::Failure::Invalid(why) => UpstreamError::Token { why },
        })
    }

    async fn metadata(&self, anew: bool) -> Result<CoreProviderMetadata, UpstreamError> {
        let issuer = IssuerUrl::new(self.settings.issuer_url.clone());
        let issuer = issuer.map_err(|_| UpstreamError::answer("its issuer URL is not valid"))?;
        self.discovered.get(&self.http, issuer, self.settings.skip_issuer_checks, anew).await
    }

    fn client(&self, metadata: CoreProviderMetadata) -> Client {
        let auth = auth_type(&metadata);
        let secret = self.settings.client_secret.expose();
        let secret = (!secret.is_empty()).then(|| ClientSecret::new(secret.clone()));
        let id = ClientId::new(self.settings.client_id.clone());
        CoreClient::from_provider_metadata(metadata, id, secret)
            .set_auth_type(auth)
            .set_redirect_uri(RedirectUrl::from_url(self.settings.redirect_url.clone()))
    }
}

/// Providers that say nothing take the secret in the header.
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
    if takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic) {
        return AuthType::RequestBody;
    }
    AuthType::BasicAuth
}

fn verifier(flow: &FlowSecrets) -> PkceCodeVerifier {
    PkceCodeVerifier::new(flow.verifier.expose().clone())
}

fn tokens(response: &CoreTokenResponse, old_refresh: Option<&Secret<String>>) -> UpstreamTokens {
    let lifetime = response.expires_in().and_then(|lifetime| chrono::TimeDelta::from_std(lifetime).ok());
    let refresh = response.refresh_token().map(|token| Secret::new(token.secret().clone()));
    UpstreamTokens {
        access: Secret::new(response.access_token().secret().clone()),
        refresh: refresh.or_else(|| old_refresh.cloned()).unwrap_or_default(),
        lifetime,
    }
}

#[cfg(test)]
mod tests;
