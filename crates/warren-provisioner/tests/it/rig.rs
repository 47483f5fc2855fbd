//! A provisioner in a temporary directory, and templates written in the tests.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use warren_build_proto::{
    AgentScripts, BuildOutcome, BuildRequest, ImportOutcome, ImportRequest, JobFailure, JobOutcome,
    JobRequest, LogLine, NamedValue, OwnerMetadata, Resource, SecretText, TemplateMetadata,
    WorkspaceIdentity, WorkspaceMetadata,
};
use warren_provisioner::{LogSink, Provisioner, ProvisionerConfig};
use warren_vocab::{BuildId, TemplateId, Transition, UserId, WorkspaceId};

pub const PROVIDER: &str = r#"
terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}
"#;

pub struct Rig {
    pub dir: tempfile::TempDir,
    pub provisioner: Provisioner,
    pub log: Log,
    pub workspace: WorkspaceId,
    /// The script that a template gets as `init_script` on this machine.
    pub agent_script: String,
    pub cancel: CancellationToken,
}

#[derive(Default)]
pub struct Log {
    lines: Mutex<Vec<LogLine>>,
    changed: tokio::sync::Notify,
}

#[async_trait]
impl LogSink for Log {
    async fn write(&self, line: LogLine) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        self.changed.notify_waiters();
    }
}

impl Log {
    pub fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("[{}] {} {}\n", line.stage, line.level, line.output)).collect()
    }

    pub async fn wait_for(&self, text: &str) {
        let found = async {
            loop {
                let changed = self.changed.notified();
                if self.text().contains(text) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), found).await;
        assert!(waited.is_ok(), "{text:?} does not appear in the log:\n{}", self.text());
    }
}

impl Rig {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut ProvisionerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ProvisionerConfig::in_dir(dir.path(), None);
        change(&mut config);
        Self {
            dir,
            provisioner: Provisioner::new(config),
            log: Log::default(),
            workspace: WorkspaceId::new(),
            agent_script: "echo agent of ${ACCESS_URL} with ${AUTH_TYPE}".to_owned(),
            cancel: CancellationToken::new(),
        }
    }

    pub async fn import(&self, files: &[(&str, &str)]) -> Result<ImportOutcome, JobFailure> {
        let request = ImportRequest {
            job: Uuid::new_v4(),
            archive: archive(files),
            variables: vec![],
            metadata: WorkspaceMetadata {
                workspace: None,
                template: None,
                owner: OwnerMetadata::default(),
                ..self.metadata(Transition::Start)
            },
        };
        match self.provisioner.run(JobRequest::Import(request), &self.log, self.cancel.clone()).await? {
            JobOutcome::Import(outcome) => Ok(outcome),
            JobOutcome::Build(_) => panic!("an import gives the outcome of a build"),
        }
    }

    pub async fn build(
        &self,
        transition: Transition,
        state: &[u8],
        files: &[(&str, &str)],
    ) -> Result<BuildOutcome, JobFailure> {
        self.build_with(transition, state, files, &[]).await
    }

    pub async fn build_with(
        &self,
        transition: Transition,
        state: &[u8],
        files: &[(&str, &str)],
        parameters: &[(&str, &str)],
    ) -> Result<BuildOutcome, JobFailure> {
        let request = BuildRequest {
            job: Uuid::new_v4(),
            archive: archive(files),
            state: state.to_owned(),
            variables: vec![],
            parameters: parameters.iter().map(|(name, value)| named(name, value)).collect(),
            previous_parameters: vec![],
            metadata: self.metadata(transition),
        };
        match self.provisioner.run(JobRequest::Build(request), &self.log, self.cancel.clone()).await? {
            JobOutcome::Build(outcome) => Ok(outcome),
            JobOutcome::Import(_) => panic!("a build gives the outcome of an import"),
        }
    }

    /// Says whether no job has left a file behind.
    pub fn is_clean(&self) -> bool {
        std::fs::read_dir(self.dir.path().join("provisioner")).unwrap().next().is_none()
    }

    /// Waits until nothing that a job has started works in its directory any more.
    pub async fn no_process_is_left(&self) {
        let root = self.dir.path().canonicalize().unwrap();
        until("processes of the job have ended", || {
            let works_there =
                |pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&root));
            !pids().into_iter().any(works_there)
        })
        .await;
    }

    pub fn metadata(&self, transition: Transition) -> WorkspaceMetadata {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let key = ("linux".to_owned(), arch.to_owned());
        WorkspaceMetadata {
            access_url: "http://127.0.0.1:3000".into(),
            transition,
            workspace: Some(WorkspaceIdentity {
                id: self.workspace,
                name: "dev".into(),
                build: BuildId::new(),
            }),
            template: Some(TemplateMetadata {
                id: TemplateId::new(),
                name: "tmpl".into(),
                version: "v1".into(),
            }),
            owner: OwnerMetadata { id: Some(UserId::new()), name: "ada".into(), ..Default::default() },
            agent_scripts: AgentScripts([(key, self.agent_script.clone())].into()),
        }
    }
}

/// Waits for a condition that nothing announces.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what} within 20 seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lists the machine's processes.
pub fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

pub fn named(name: &str, value: &str) -> NamedValue {
    NamedValue { name: name.into(), value: SecretText::new(value) }
}

/// Lists resources as `type.name`.
pub fn names(resources: &[Resource]) -> Vec<String> {
    resources.iter().map(|resource| format!("{}.{}", resource.kind, resource.name)).collect()
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}
