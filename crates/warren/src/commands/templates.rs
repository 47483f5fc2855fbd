//! `warren templates`: upload and list.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use warren_api::{
    organizations::Organization,
    templates::{
        CreateTemplateRequest, CreateTemplateVersionRequest, Template, TemplateVersion, VariableValue,
    },
};
use warren_sdk::Client;
use warren_vocab::{FileId, ResourceName};

use crate::{
    archive,
    args::{OutputArgs, PushArgs},
    context::Context,
    job_log::{self, Subject},
    output::{self, Format},
    prompt,
    table::{self, Column},
};

const COLUMNS: &[Column<Template>] = &[
    Column { name: "name", cell: |template| template.name.clone() },
    Column { name: "display name", cell: |template| template.display_name.clone() },
    Column { name: "organization name", cell: |template| template.organization_name.clone() },
    Column {
        name: "last updated",
        cell: |template| template.updated_at.format("%Y-%m-%d %H:%M").to_string(),
    },
    Column { name: "used by", cell: |template| template.active_user_count.max(0).to_string() },
    Column { name: "active version id", cell: |template| template.active_version_id.to_string() },
    Column { name: "id", cell: |template| template.id.to_string() },
];

pub(super) async fn list(args: &OutputArgs, context: &Context) -> anyhow::Result<()> {
    let templates = context.client()?.templates().await?;
    match args.output {
        Format::Json => {
            let wrapped: Vec<_> =
                templates.iter().map(|template| serde_json::json!({ "Template": template })).collect();
            output::json(&wrapped)
        }
        Format::Table if templates.is_empty() => {
            output::note("There are no templates yet. Create one with `warren templates push`.");
            Ok(())
        }
        Format::Table => {
            let defaults = ["name", "organization name", "last updated", "used by"];
            output::line(&table::render(&templates, COLUMNS, &defaults, &args.column)?);
            Ok(())
        }
    }
}

pub(super) async fn push(args: PushArgs, context: &Context) -> anyhow::Result<()> {
    let name = template_name(&args)?;
    let archive = archive::pack(&args.directory)?;
    if !archive.has_lock_file && !args.ignore_lockfile {
        output::note(
            "There is no .terraform.lock.hcl, so provider versions may change from build to build; \
             `terraform init` makes one, --ignore-lockfile mutes this.",
        );
    }
    let client = context.client()?;
    let organization = super::organization::pick(&client, args.organization.organization.as_deref()).await?;
    let template = find(&client, &organization, &name).await?;
    if template.is_none() {
        prompt::confirm(&format!("The template {name:?} does not exist yet. Create it?"), args.yes)?;
    }
    let file = client.upload_tar(Bytes::from(archive.tar)).await?.hash;
    let request = version_request(&args, template.as_ref(), file);
    let version = client.create_template_version(organization.id, &request).await?;
    job_log::expect_success(&client, Subject::Import(version.id), context.verbose).await?;
    publish(&client, &organization, &name, template, &version, args.activate).await
}

fn template_name(args: &PushArgs) -> anyhow::Result<String> {
    let name = match &args.template {
        Some(name) => name.clone(),
        None => directory_name(&args.directory)?,
    };
    ResourceName::parse(&name).with_context(|| format!("{name:?} cannot be the name of a template"))?;
    Ok(name)
}

fn directory_name(directory: &Path) -> anyhow::Result<String> {
    let full = directory.canonicalize().with_context(|| format!("cannot read {}", directory.display()))?;
    let name = full.file_name().and_then(|name| name.to_str());
    Ok(name
        .context("the directory has no name that a template could have; give one as an argument")?
        .to_owned())
}

async fn find(client: &Client, organization: &Organization, name: &str) -> anyhow::Result<Option<Template>> {
    match client.template_by_name(organization.id, name).await {
        Ok(template) => Ok(Some(template)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn version_request(
    args: &PushArgs,
    template: Option<&Template>,
    file: FileId,
) -> CreateTemplateVersionRequest {
    CreateTemplateVersionRequest {
        name: args.name.clone().unwrap_or_default(),
        message: args.message.clone().unwrap_or_default(),
        template_id: template.map(|template| template.id),
        storage_method: "file".into(),
        file_id: Some(file),
        example_id: String::new(),
        provisioner: "terraform".into(),
        tags: BTreeMap::new(),
        user_variable_values: args
            .variable
            .iter()
            .map(|(name, value)| VariableValue { name: name.clone(), value: value.clone() })
            .collect(),
    }
}

async fn publish(
    client: &Client,
    organization: &Organization,
    name: &str,
    template: Option<Template>,
    version: &TemplateVersion,
    activate: bool,
) -> anyhow::Result<()> {
    match template {
        None => {
            let request = CreateTemplateRequest {
                name: name.to_owned(),
                display_name: String::new(),
                description: String::new(),
                icon: String::new(),
                template_version_id: version.id,
                default_ttl_ms: None,
                allow_user_cancel_workspace_jobs: None,
            };
            client.create_template(organization.id, &request).await?;
            output::line(&format!(
                "The template {name:?} has been created. Use it with `warren create -t {name}`."
            ));
        }
        Some(template) if activate => {
            client.activate_template_version(template.id, version.id).await?;
            output::line(&format!("The template {name:?} now uses the version {:?}.", version.name));
        }
        Some(_) => {
            output::line(&format!("The version {:?} is uploaded; the active version stays.", version.name));
        }
    }
    Ok(())
}

/// Chooses the template of a new workspace.
///
/// # Errors
/// When there is none of that name, or nobody to ask.
pub(super) async fn pick(
    client: &Client,
    organization: &Organization,
    named: Option<&str>,
) -> anyhow::Result<Template> {
    if let Some(name) = named {
        return match find(client, organization, name).await? {
            Some(template) => Ok(template),
            None => bail!("there is no template {name:?}; `warren templates list` shows them"),
        };
    }
    let templates = client.templates().await?;
    if templates.is_empty() {
        bail!("there are no templates yet; create one with `warren templates push`");
    }
    let names = templates.iter().map(|template| template.name.clone()).collect();
    let chosen = prompt::select("Template:", names, "--template")?;
    templates.into_iter().find(|template| template.name == chosen).context("the template has gone")
}
