//! Users, sign-in and sessions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{LoginType, OrganizationId, UserId, UserStatus};

use crate::wire::{empty_as_none, null_as_default};

/// A user account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: UserId,
    pub username: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub avatar_url: String,
    pub email: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Year 1 for an account that was never used.
    pub last_seen_at: DateTime<Utc>,
    pub status: UserStatus,
    pub login_type: LoginType,
    pub organization_ids: Vec<OrganizationId>,
    pub roles: Vec<SlimRole>,
    pub has_ai_seat: bool,
    /// Left out for people.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_service_account: bool,
}

/// A user as far as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MinimalUser {
    pub id: UserId,
    pub username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// `GET /api/v2/users`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GetUsersResponse {
    pub users: Vec<User>,
    pub count: i64,
}

/// A role by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlimRole {
    pub name: String,
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
}

/// `POST /api/v2/users/first`. Further fields that clients send are ignored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateFirstUserRequest {
    pub email: String,
    pub username: String,
    #[serde(default)]
    pub name: String,
    pub password: String,
    #[serde(default)]
    pub trial: bool,
}

/// The answer to the creation of the first user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateFirstUserResponse {
    pub user_id: UserId,
    pub organization_id: OrganizationId,
}

/// `POST /api/v2/users/login`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginWithPasswordRequest {
    pub email: String,
    pub password: String,
}

/// The answer to a password login.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginWithPasswordResponse {
    pub session_token: String,
}

/// `POST /api/v2/users`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateUserRequest {
    /// Required, except for service accounts.
    #[serde(default)]
    pub email: String,
    pub username: String,
    #[serde(default)]
    pub name: String,
    /// Required for accounts that sign in with a password, not allowed for others.
    #[serde(default)]
    pub password: String,
    /// `password` when absent or empty.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub login_type: Option<LoginType>,
    /// `dormant`, until the first login, when absent.
    #[serde(default)]
    pub user_status: Option<UserStatus>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_ids: Vec<OrganizationId>,
    /// An account for programs, without e-mail address and login.
    #[serde(default)]
    pub service_account: bool,
    /// Site roles.
    #[serde(default, deserialize_with = "null_as_default")]
    pub roles: Vec<String>,
}

/// `PUT /api/v2/users/{user}/profile`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateUserProfileRequest {
    pub username: String,
    #[serde(default)]
    pub name: String,
    /// Absent keeps the picture; accounts of a login provider get it from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// `PUT /api/v2/users/{user}/password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateUserPasswordRequest {
    /// Required when the password is the caller's own.
    #[serde(default)]
    pub old_password: String,
    pub password: String,
}

/// `POST /api/v2/users/validate-password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ValidateUserPasswordRequest {
    pub password: String,
}

/// Whether a password is good enough, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidateUserPasswordResponse {
    pub valid: bool,
    pub details: String,
}

/// `POST /api/v2/users/otp/request`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestOneTimePasscodeRequest {
    pub email: String,
}

/// `POST /api/v2/users/otp/change-password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChangePasswordWithOneTimePasscodeRequest {
    pub email: String,
    pub password: String,
    pub one_time_passcode: String,
}

/// `GET /api/v2/users/{user}/login-type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserLoginType {
    pub login_type: LoginType,
}

/// `GET /api/v2/users/authmethods`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuthMethods {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service_url: Option<String>,
    pub password: AuthMethod,
    pub github: GithubAuthMethod,
    pub oidc: OidcAuthMethod,
}

/// Whether a way to sign in is on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuthMethod {
    pub enabled: bool,
}

/// Whether GitHub login is on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GithubAuthMethod {
    pub enabled: bool,
    pub default_provider_configured: bool,
}

/// Whether OIDC login is on, and how its button looks. This object alone uses camel case.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OidcAuthMethod {
    pub enabled: bool,
    #[serde(rename = "signInText")]
    pub sign_in_text: String,
    #[serde(rename = "iconUrl")]
    pub icon_url: String,
}

/// `POST /api/v2/users/{user}/convert-login`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConvertLoginRequest {
    pub to_type: LoginType,
    pub password: String,
}

/// The beginning of a change of the way of signing in: the provider's page completes it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OAuthConversionResponse {
    /// Goes to the provider's callback route as `oidc_merge_state`.
    pub state_string: String,
    pub expires_at: DateTime<Utc>,
    pub to_type: LoginType,
    pub user_id: UserId,
}

/// `GET /api/v2/users/oidc-claims`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OidcClaimsResponse {
    #[schema(value_type = Object)]
    pub claims: serde_json::Value,
}

/// `GET /api/v2/users/oauth2/github/device`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExternalAuthDevice {
    pub device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    /// Seconds until the codes are void.
    pub expires_in: i64,
    /// Seconds to wait between questions.
    pub interval: i64,
}

/// The answer to the device page when the code was entered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GithubDeviceLoginResponse {
    pub redirect_url: String,
}
