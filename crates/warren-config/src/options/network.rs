//! Addresses, TLS, cookies, headers, limits, lifetimes.

use super::{Group, Opt, field};

pub(super) const ACCESS: &[Opt] = &[
    Opt::new(
        "Access URL",
        "access-url",
        "ACCESS_URL",
        "networking.accessURL",
        field!(http.access_url),
        "URL under which users and workspaces reach the server.",
    )
    .default_text("the address it listens on")
    .wire("access_url")
    .group(Group::Networking),
    Opt::new(
        "Relay Address",
        "relay-address",
        "RELAY_ADDRESS",
        "networking.relayAddress",
        field!(http.relay_address),
        "URL under which the other servers on the same PostgreSQL database reach this one, such as http://10.0.0.5:3000.",
    )
    .default_text("the address it listens on, or that by which it reaches the database when it listens on all")
    .group(Group::Networking),
    Opt::new(
        "Wildcard Access URL",
        "wildcard-access-url",
        "WILDCARD_ACCESS_URL",
        "networking.wildcardAccessURL",
        field!(http.wildcard_access_url),
        "Host pattern of workspace applications, such as *.apps.example.com. Empty: applications have paths.",
    )
    .wire("wildcard_access_url")
    .group(Group::Networking),
    Opt::new(
        "Redirect to Access URL",
        "redirect-to-access-url",
        "REDIRECT_TO_ACCESS_URL",
        "networking.redirectToAccessURL",
        field!(http.redirect_to_access_url),
        "Sends requests for another host on to the access URL.",
    )
    .wire("redirect_to_access_url")
    .group(Group::Networking),
    Opt::new(
        "Docs URL",
        "docs-url",
        "DOCS_URL",
        "networking.docsURL",
        field!(docs_url),
        "Where links to the documentation lead.",
    )
    .wire("docs_url")
    .group(Group::Networking),
    Opt::new(
        "Proxy Trusted Headers",
        "proxy-trusted-headers",
        "PROXY_TRUSTED_HEADERS",
        "networking.proxyTrustedHeaders",
        field!(http.proxy_trusted_headers),
        "Headers from which the client's address is taken, such as X-Forwarded-For; the first one present wins.",
    )
    .wire("proxy_trusted_headers")
    .group(Group::Networking),
    Opt::new(
        "Proxy Trusted Origins",
        "proxy-trusted-origins",
        "PROXY_TRUSTED_ORIGINS",
        "networking.proxyTrustedOrigins",
        field!(http.proxy_trusted_origins),
        "Networks whose proxies are believed, such as 10.0.0.0/8.",
    )
    .wire("proxy_trusted_origins")
    .group(Group::Networking),
];

pub(super) const HTTP: &[Opt] = &[
    Opt::new(
        "HTTP Address",
        "http-address",
        "HTTP_ADDRESS",
        "networking.http.httpAddress",
        field!(http.address),
        "Address to listen on without TLS; port 0 picks a free one. Empty listens with TLS only.",
    )
    .wire("http_address")
    .group(Group::Http),
    Opt::new(
        "Secure Auth Cookie",
        "secure-auth-cookie",
        "SECURE_AUTH_COOKIE",
        "networking.secureAuthCookie",
        field!(http.secure_auth_cookie),
        "Lets browsers send the session cookie over TLS only.",
    )
    .wire("http_cookies.secure_auth_cookie")
    .group(Group::Http),
    Opt::new(
        "SameSite Auth Cookie",
        "samesite-auth-cookie",
        "SAMESITE_AUTH_COOKIE",
        "networking.sameSiteAuthCookie",
        field!(http.same_site),
        "SameSite attribute of the session cookie.",
    )
    .wire("http_cookies.same_site")
    .group(Group::Http),
    Opt::new(
        "Additional CSP Policy",
        "additional-csp-policy",
        "ADDITIONAL_CSP_POLICY",
        "networking.http.additionalCSPPolicy",
        field!(http.additional_csp),
        "More directives of the content security policy, such as \"img-src https://example.com\".",
    )
    .wire("additional_csp_policy")
    .group(Group::Http),
    Opt::new(
        "Max Body Bytes",
        "max-body-bytes",
        "MAX_BODY_BYTES",
        "networking.http.maxBodyBytes",
        field!(http.max_body_bytes),
        "Largest body of an ordinary request, in bytes; uploads have limits of their own.",
    )
    .group(Group::Http),
    Opt::new(
        "Header Timeout",
        "header-timeout",
        "HEADER_TIMEOUT",
        "networking.http.headerTimeout",
        field!(http.header_timeout),
        "How long a client may take to send the headers of a request.",
    )
    .group(Group::Http),
    Opt::new(
        "Shutdown Timeout",
        "shutdown-timeout",
        "SHUTDOWN_TIMEOUT",
        "networking.http.shutdownTimeout",
        field!(http.shutdown_timeout),
        "How long requests under way may take to end when the server stops.",
    )
    .group(Group::Http),
    Opt::new(
        "API Rate Limit",
        "api-rate-limit",
        "API_RATE_LIMIT",
        "networking.http.apiRateLimit",
        field!(rate_limit.api_per_minute),
        "Requests per minute that a user, or an address without a session, may make; 0 for any number.",
    )
    .wire("rate_limit.api")
    .group(Group::Http),
    Opt::new(
        "Disable All Rate Limits",
        "dangerous-disable-rate-limits",
        "DANGEROUS_DISABLE_RATE_LIMITS",
        "networking.http.disableAllRateLimits",
        field!(rate_limit.disable_all),
        "Switches every limit off, the ones against password guessing too. For load tests.",
    )
    .wire("rate_limit.disable_all")
    .hidden()
    .group(Group::Http),
];

pub(super) const TLS: &[Opt] = &[
    Opt::new(
        "TLS Enable",
        "tls-enable",
        "TLS_ENABLE",
        "networking.tls.enable",
        field!(http.tls.enable),
        "Listens with TLS.",
    )
    .wire("tls.enable")
    .group(Group::Tls),
    Opt::new(
        "TLS Address",
        "tls-address",
        "TLS_ADDRESS",
        "networking.tls.address",
        field!(http.tls.address),
        "Address to listen on with TLS.",
    )
    .wire("tls.address")
    .group(Group::Tls),
    Opt::new(
        "TLS Certificate Files",
        "tls-cert-file",
        "TLS_CERT_FILE",
        "networking.tls.certFiles",
        field!(http.tls.cert_files),
        "PEM files with a certificate and its chain each; the one that fits the asked name is used.",
    )
    .wire("tls.cert_file")
    .group(Group::Tls),
    Opt::new(
        "TLS Key Files",
        "tls-key-file",
        "TLS_KEY_FILE",
        "networking.tls.keyFiles",
        field!(http.tls.key_files),
        "PEM files with the key of each certificate, in the same order.",
    )
    .wire("tls.key_file")
    .group(Group::Tls),
    Opt::new(
        "TLS Minimum Version",
        "tls-min-version",
        "TLS_MIN_VERSION",
        "networking.tls.minVersion",
        field!(http.tls.min_version),
        "Oldest version of TLS that clients may use.",
    )
    .wire("tls.min_version")
    .group(Group::Tls),
    Opt::new(
        "Redirect HTTP to HTTPS",
        "tls-redirect-http-to-https",
        "TLS_REDIRECT_HTTP_TO_HTTPS",
        "networking.tls.redirectHTTP",
        field!(http.tls.redirect_http),
        "Sends requests without TLS on to the TLS address, while TLS is on.",
    )
    .wire("tls.redirect_http")
    .group(Group::Tls),
    Opt::new(
        "Strict-Transport-Security",
        "strict-transport-security",
        "STRICT_TRANSPORT_SECURITY",
        "networking.tls.strictTransportSecurity",
        field!(http.hsts.max_age),
        "Seconds for which browsers insist on TLS; 0 leaves the header out.",
    )
    .wire("strict_transport_security")
    .group(Group::Tls),
    Opt::new(
        "Strict-Transport-Security Options",
        "strict-transport-security-options",
        "STRICT_TRANSPORT_SECURITY_OPTIONS",
        "networking.tls.strictTransportSecurityOptions",
        field!(http.hsts.options),
        "More fields of that header: includeSubDomains, preload.",
    )
    .wire("strict_transport_security_options")
    .group(Group::Tls),
];

pub(super) const SESSIONS: &[Opt] = &[
    Opt::new(
        "Session Duration",
        "session-duration",
        "SESSION_DURATION",
        "networking.http.sessionDuration",
        field!(session.duration),
        "Lifetime of a browser or command line session; use extends it.",
    )
    .wire("session_lifetime.default_duration")
    .group(Group::Sessions),
    Opt::new(
        "Disable Session Expiry Refresh",
        "disable-session-expiry-refresh",
        "DISABLE_SESSION_EXPIRY_REFRESH",
        "networking.http.disableSessionExpiryRefresh",
        field!(session.disable_expiry_refresh),
        "Ends a session after its duration even when it is used.",
    )
    .wire("session_lifetime.disable_expiry_refresh")
    .group(Group::Sessions),
    Opt::new(
        "Default Token Lifetime",
        "default-token-lifetime",
        "DEFAULT_TOKEN_LIFETIME",
        "defaultTokenLifetime",
        field!(session.default_token_lifetime),
        "Lifetime of a token when none is asked for.",
    )
    .wire("session_lifetime.default_token_lifetime")
    .group(Group::Sessions),
    Opt::new(
        "Maximum Token Lifetime",
        "max-token-lifetime",
        "MAX_TOKEN_LIFETIME",
        "networking.http.maxTokenLifetime",
        field!(session.max_token_lifetime),
        "Longest lifetime of a token that users may ask for.",
    )
    .wire("session_lifetime.max_token_lifetime")
    .group(Group::Sessions),
    Opt::new(
        "Maximum Admin Token Lifetime",
        "max-admin-token-lifetime",
        "MAX_ADMIN_TOKEN_LIFETIME",
        "networking.http.maxAdminTokenLifetime",
        field!(session.max_admin_token_lifetime),
        "Longest lifetime of a token that owners may ask for.",
    )
    .wire("session_lifetime.max_admin_token_lifetime")
    .group(Group::Sessions),
    Opt::new(
        "User Dormancy",
        "user-dormant-after",
        "USER_DORMANT_AFTER",
        "userDormantAfter",
        field!(session.dormant_after),
        "How long an account may go unused before it is dormant, until its next sign-in; 0 for ever.",
    )
    .group(Group::Sessions),
    Opt::new(
        "Disable Password Authentication",
        "disable-password-auth",
        "DISABLE_PASSWORD_AUTH",
        "networking.http.disablePasswordAuth",
        field!(session.disable_password_auth),
        "Lets nobody sign in with a password.",
    )
    .wire("disable_password_auth")
    .group(Group::Sessions),
];
