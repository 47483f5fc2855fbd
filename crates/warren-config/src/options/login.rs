//! Signing in through other services.

use super::{Group, Opt, field};

pub(super) const GITHUB: &[Opt] = &[
    Opt::new(
        "OAuth2 GitHub Client ID",
        "oauth2-github-client-id",
        "OAUTH2_GITHUB_CLIENT_ID",
        "oauth2.github.clientID",
        field!(github.client_id),
        "Client id of the GitHub application.",
    )
    .wire("oauth2.github.client_id")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Client Secret",
        "oauth2-github-client-secret",
        "OAUTH2_GITHUB_CLIENT_SECRET",
        "",
        field!(github.client_secret),
        "Client secret of the GitHub application.",
    )
    .wire("oauth2.github.client_secret")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Device Flow",
        "oauth2-github-device-flow",
        "OAUTH2_GITHUB_DEVICE_FLOW",
        "oauth2.github.deviceFlow",
        field!(github.device_flow),
        "Shows a code to type at GitHub instead of sending the browser there and back.",
    )
    .wire("oauth2.github.device_flow")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Default Provider Enable",
        "oauth2-github-default-provider-enable",
        "OAUTH2_GITHUB_DEFAULT_PROVIDER_ENABLE",
        "oauth2.github.defaultProviderEnable",
        field!(github.default_provider_enable),
        "Accepted for compatibility: without a client id there is no GitHub sign-in.",
    )
    .wire("oauth2.github.default_provider_enable")
    .hidden()
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Allowed Orgs",
        "oauth2-github-allowed-orgs",
        "OAUTH2_GITHUB_ALLOWED_ORGS",
        "oauth2.github.allowedOrgs",
        field!(github.allowed_orgs),
        "Organizations whose members may sign in.",
    )
    .wire("oauth2.github.allowed_orgs")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Allowed Teams",
        "oauth2-github-allowed-teams",
        "OAUTH2_GITHUB_ALLOWED_TEAMS",
        "oauth2.github.allowedTeams",
        field!(github.allowed_teams),
        "Teams whose members may sign in, as organization/team.",
    )
    .wire("oauth2.github.allowed_teams")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Allow Signups",
        "oauth2-github-allow-signups",
        "OAUTH2_GITHUB_ALLOW_SIGNUPS",
        "oauth2.github.allowSignups",
        field!(github.allow_signups),
        "Makes an account for a person who has none.",
    )
    .wire("oauth2.github.allow_signups")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Allow Everyone",
        "oauth2-github-allow-everyone",
        "OAUTH2_GITHUB_ALLOW_EVERYONE",
        "oauth2.github.allowEveryone",
        field!(github.allow_everyone),
        "Lets every GitHub account sign in, whatever its organizations.",
    )
    .wire("oauth2.github.allow_everyone")
    .group(Group::Github),
    Opt::new(
        "OAuth2 GitHub Enterprise Base URL",
        "oauth2-github-enterprise-base-url",
        "OAUTH2_GITHUB_ENTERPRISE_BASE_URL",
        "oauth2.github.enterpriseBaseURL",
        field!(github.enterprise_base_url),
        "Base URL of a GitHub Enterprise Server; empty for github.com.",
    )
    .wire("oauth2.github.enterprise_base_url")
    .group(Group::Github),
];

pub(super) const OIDC: &[Opt] = &[
    Opt::new("OIDC Issuer URL", "oidc-issuer-url", "OIDC_ISSUER_URL", "oidc.issuerURL", field!(oidc.issuer_url), "Issuer, where the provider's configuration is found.").wire("oidc.issuer_url").group(Group::Oidc),
    Opt::new("OIDC Client ID", "oidc-client-id", "OIDC_CLIENT_ID", "oidc.clientID", field!(oidc.client_id), "Client id at the provider.").wire("oidc.client_id").group(Group::Oidc),
    Opt::new("OIDC Client Secret", "oidc-client-secret", "OIDC_CLIENT_SECRET", "", field!(oidc.client_secret), "Client secret at the provider.").wire("oidc.client_secret").group(Group::Oidc),
    Opt::new("OIDC Redirect URL", "oidc-redirect-url", "OIDC_REDIRECT_URL", "oidc.redirectURL", field!(oidc.redirect_url), "Where the provider sends users back to, when it is not below the access URL.").wire("oidc.redirect_url").group(Group::Oidc),
    Opt::new("OIDC Email Domain", "oidc-email-domain", "OIDC_EMAIL_DOMAIN", "oidc.emailDomain", field!(oidc.email_domain), "Domains whose addresses may sign in; empty for all.").wire("oidc.email_domain").group(Group::Oidc),
    Opt::new("OIDC Scopes", "oidc-scopes", "OIDC_SCOPES", "oidc.scopes", field!(oidc.scopes), "Scopes to ask the provider for.").wire("oidc.scopes").group(Group::Oidc),
    Opt::new("OIDC Allow Signups", "oidc-allow-signups", "OIDC_ALLOW_SIGNUPS", "oidc.allowSignups", field!(oidc.allow_signups), "Makes an account for a person who has none.").wire("oidc.allow_signups").group(Group::Oidc),
    Opt::new("Signups Disabled Text", "oidc-signups-disabled-text", "OIDC_SIGNUPS_DISABLED_TEXT", "oidc.signupsDisabledText", field!(oidc.signups_disabled_text), "What a person without an account is told while none is made, in Markdown.").wire("oidc.signups_disabled_text").group(Group::Oidc),
    Opt::new("OIDC Ignore Email Verified", "oidc-ignore-email-verified", "OIDC_IGNORE_EMAIL_VERIFIED", "oidc.ignoreEmailVerified", field!(oidc.ignore_email_verified), "Takes addresses for verified whatever the provider says.").wire("oidc.ignore_email_verified").group(Group::Oidc),
    Opt::new("OIDC Username Field", "oidc-username-field", "OIDC_USERNAME_FIELD", "oidc.usernameField", field!(oidc.username_field), "Claim with the name of the account.").wire("oidc.username_field").group(Group::Oidc),
    Opt::new("OIDC Name Field", "oidc-name-field", "OIDC_NAME_FIELD", "oidc.nameField", field!(oidc.name_field), "Claim with the person's full name.").wire("oidc.name_field").group(Group::Oidc),
    Opt::new("OIDC Email Field", "oidc-email-field", "OIDC_EMAIL_FIELD", "oidc.emailField", field!(oidc.email_field), "Claim with the address.").wire("oidc.email_field").group(Group::Oidc),
    Opt::new("OIDC Auth URL Parameters", "oidc-auth-url-params", "OIDC_AUTH_URL_PARAMS", "oidc.authURLParams", field!(oidc.auth_url_params), "Parameters added to the address at which users sign in.").wire("oidc.auth_url_params").group(Group::Oidc),
    Opt::new("OIDC Ignore UserInfo", "oidc-ignore-userinfo", "OIDC_IGNORE_USERINFO", "oidc.ignoreUserInfo", field!(oidc.ignore_userinfo), "Takes claims from the id token only.").wire("oidc.ignore_user_info").group(Group::Oidc),
    Opt::new("OIDC Organization Field", "oidc-organization-field", "OIDC_ORGANIZATION_FIELD", "oidc.organizationField", field!(oidc.organization_field), "Claim that names organizations; empty leaves memberships alone.").wire("oidc.organization_field").group(Group::Oidc),
    Opt::new("OIDC Organization Sync Mapping", "oidc-organization-mapping", "OIDC_ORGANIZATION_MAPPING", "oidc.organizationMapping", field!(oidc.organization_mapping), "From a value of that claim to ids of organizations.").wire("oidc.organization_mapping").group(Group::Oidc),
    Opt::new("OIDC Assign Default Organization", "oidc-organization-assign-default", "OIDC_ORGANIZATION_ASSIGN_DEFAULT", "oidc.organizationAssignDefault", field!(oidc.organization_assign_default), "Makes everybody a member of the default organization too.").wire("oidc.organization_assign_default").group(Group::Oidc),
    Opt::new("OIDC Group Field", "oidc-group-field", "OIDC_GROUP_FIELD", "oidc.groupField", field!(oidc.group_field), "Claim that names groups.").wire("oidc.groups_field").group(Group::Oidc),
    Opt::new("OIDC Allowed Groups", "oidc-allowed-groups", "OIDC_ALLOWED_GROUPS", "oidc.groupAllowed", field!(oidc.allowed_groups), "Groups of which a person must have one to sign in; empty for everybody.").wire("oidc.group_allow_list").group(Group::Oidc),
    Opt::new("OIDC User Role Field", "oidc-user-role-field", "OIDC_USER_ROLE_FIELD", "oidc.userRoleField", field!(oidc.user_role_field), "Claim that names site roles; empty leaves roles alone.").wire("oidc.user_role_field").group(Group::Oidc),
    Opt::new("OIDC User Role Mapping", "oidc-user-role-mapping", "OIDC_USER_ROLE_MAPPING", "oidc.userRoleMapping", field!(oidc.user_role_mapping), "From a value of that claim to names of site roles.").wire("oidc.user_role_mapping").group(Group::Oidc),
    Opt::new("OIDC User Role Default", "oidc-user-role-default", "OIDC_USER_ROLE_DEFAULT", "oidc.userRoleDefault", field!(oidc.user_role_default), "Site roles that everybody gets besides those of the claim.").wire("oidc.user_roles_default").group(Group::Oidc),
    Opt::new("OpenID Connect sign in text", "oidc-sign-in-text", "OIDC_SIGN_IN_TEXT", "oidc.signInText", field!(oidc.sign_in_text), "Text of the button.").wire("oidc.sign_in_text").group(Group::Oidc),
    Opt::new("OpenID connect icon URL", "oidc-icon-url", "OIDC_ICON_URL", "oidc.iconURL", field!(oidc.icon_url), "Picture of the button.").wire("oidc.icon_url").group(Group::Oidc),
    Opt::new("Dangerous OIDC Email Fallback", "dangerous-oidc-email-fallback", "DANGEROUS_OIDC_EMAIL_FALLBACK", "oidc.dangerousEmailFallback", field!(oidc.email_fallback), "Takes over the account of the same address when the person is not linked to one. Whoever can choose an address at the provider can take over accounts.").wire("oidc.email_fallback").hidden().group(Group::Oidc),
    Opt::new("Skip OIDC issuer checks", "dangerous-oidc-skip-issuer-checks", "DANGEROUS_OIDC_SKIP_ISSUER_CHECKS", "oidc.dangerousSkipIssuerChecks", field!(oidc.skip_issuer_checks), "Accepts an issuer that differs from the configured one.").wire("oidc.skip_issuer_checks").hidden().group(Group::Oidc),
];
