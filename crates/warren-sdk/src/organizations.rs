//! Organizations, their members, roles and settings.

use reqwest::Method;
use serde_json::{Value, json};
use warren_api::organizations::Organization;

use crate::{
    client::{Client, segment},
    error::SdkError,
};

impl Client {
    /// Returns an organization by name, id or `default`.
    pub async fn organization(&self, organization: &str) -> Result<Organization, SdkError> {
        self.get(&path(organization, "")).await
    }

    /// Lists the organizations that the caller sees.
    pub async fn organizations(&self) -> Result<Vec<Organization>, SdkError> {
        self.get("/api/v2/organizations").await
    }

    /// Lists the organizations of a user.
    pub async fn user_organizations(&self, user: &str) -> Result<Vec<Organization>, SdkError> {
        self.get(&format!("/api/v2/users/{}/organizations", segment(user))).await
    }

    /// Creates an organization.
    pub async fn create_organization(&self, name: &str) -> Result<Organization, SdkError> {
        self.send(Method::POST, "/api/v2/organizations", &json!({ "name": name })).await
    }

    /// Deletes an organization.
    pub async fn delete_organization(&self, organization: &str) -> Result<(), SdkError> {
        self.command::<()>(Method::DELETE, &path(organization, ""), None).await
    }

    /// Lists the members of an organization, each as the API shows it.
    pub async fn members(&self, organization: &str) -> Result<Vec<Value>, SdkError> {
        self.get(&path(organization, "/members")).await
    }

    /// Makes a user a member.
    pub async fn add_member(&self, organization: &str, user: &str) -> Result<(), SdkError> {
        self.command(
            Method::POST,
            &path(organization, &format!("/members/{}", segment(user))),
            Some(&json!({})),
        )
        .await
    }

    /// Ends a membership.
    pub async fn remove_member(&self, organization: &str, user: &str) -> Result<(), SdkError> {
        let path = path(organization, &format!("/members/{}", segment(user)));
        self.command::<()>(Method::DELETE, &path, None).await
    }

    /// Replaces the organization roles of a member.
    pub async fn set_member_roles(
        &self,
        organization: &str,
        user: &str,
        roles: &[String],
    ) -> Result<(), SdkError> {
        let path = path(organization, &format!("/members/{}/roles", segment(user)));
        self.command(Method::PUT, &path, Some(&json!({ "roles": roles }))).await
    }

    /// Lists the roles of an organization, built-in and custom.
    pub async fn organization_roles(&self, organization: &str) -> Result<Vec<Value>, SdkError> {
        self.get(&path(organization, "/members/roles")).await
    }

    /// Creates a custom role, or replaces the one of the same name.
    pub async fn put_organization_role(
        &self,
        organization: &str,
        role: &Value,
        is_new: bool,
    ) -> Result<Value, SdkError> {
        let method = if is_new { Method::POST } else { Method::PUT };
        self.send(method, &path(organization, "/members/roles"), role).await
    }

    /// Deletes a custom role.
    pub async fn delete_organization_role(&self, organization: &str, role: &str) -> Result<(), SdkError> {
        let path = path(organization, &format!("/members/roles/{}", segment(role)));
        self.command::<()>(Method::DELETE, &path, None).await
    }
}

fn path(organization: &str, rest: &str) -> String {
    format!("/api/v2/organizations/{}{rest}", segment(organization))
}
