//! Files, templates and template versions.

use bytes::Bytes;
use reqwest::Method;
use warren_api::{
    error::MessageResponse,
    files::UploadResponse,
    jobs::ProvisionerJobLog,
    templates::{
        CreateTemplateRequest, CreateTemplateVersionRequest, Template, TemplateVersion,
        TemplateVersionParameter, UpdateActiveTemplateVersion,
    },
};
use warren_vocab::{JobLogId, OrganizationId, TemplateId, TemplateVersionId};

use crate::{
    client::Client,
    error::SdkError,
    socket::{JsonFrames, SocketRequest},
};

impl Client {
    /// Uploads a tar archive.
    pub async fn upload_tar(&self, archive: Bytes) -> Result<UploadResponse, SdkError> {
        self.upload("/api/v2/files", "application/x-tar", archive).await
    }

    /// Creates a template version, which starts its import job.
    pub async fn create_template_version(
        &self,
        organization: OrganizationId,
        request: &CreateTemplateVersionRequest,
    ) -> Result<TemplateVersion, SdkError> {
        self.send(Method::POST, &format!("/api/v2/organizations/{organization}/templateversions"), request)
            .await
    }

    /// Returns a template version with the state of its import.
    pub async fn template_version(&self, id: TemplateVersionId) -> Result<TemplateVersion, SdkError> {
        self.get(&format!("/api/v2/templateversions/{id}")).await
    }

    /// Lists the parameters that a version declares.
    pub async fn template_version_parameters(
        &self,
        id: TemplateVersionId,
    ) -> Result<Vec<TemplateVersionParameter>, SdkError> {
        self.get(&format!("/api/v2/templateversions/{id}/rich-parameters")).await
    }

    /// Follows the log of a version's import until the job ends.
    pub async fn follow_template_version_logs(
        &self,
        id: TemplateVersionId,
        after: Option<JobLogId>,
    ) -> Result<JsonFrames<ProvisionerJobLog>, SdkError> {
        let after = after.map_or(0, JobLogId::get);
        let path = format!("/api/v2/templateversions/{id}/logs?follow&after={after}");
        self.socket(SocketRequest::new(&path)).await
    }

    /// Lists the templates that the caller sees.
    pub async fn templates(&self) -> Result<Vec<Template>, SdkError> {
        self.get("/api/v2/templates").await
    }

    /// Returns a template by name.
    pub async fn template_by_name(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Template, SdkError> {
        self.get(&format!("/api/v2/organizations/{organization}/templates/{name}")).await
    }

    /// Creates a template from an imported version.
    pub async fn create_template(
        &self,
        organization: OrganizationId,
        request: &CreateTemplateRequest,
    ) -> Result<Template, SdkError> {
        self.send(Method::POST, &format!("/api/v2/organizations/{organization}/templates"), request).await
    }

    /// Makes a version the one that new workspaces use.
    pub async fn activate_template_version(
        &self,
        template: TemplateId,
        version: TemplateVersionId,
    ) -> Result<MessageResponse, SdkError> {
        let request = UpdateActiveTemplateVersion { id: version };
        self.send(Method::PATCH, &format!("/api/v2/templates/{template}/versions"), &request).await
    }

    /// Deletes a template without workspaces.
    pub async fn delete_template(&self, template: TemplateId) -> Result<(), SdkError> {
        self.command::<()>(Method::DELETE, &format!("/api/v2/templates/{template}"), None).await
    }
}
