//! From a job's request to its outcome: the order of Terraform's commands.

mod build;
mod import;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use warren_build_proto::{JobErrorCode, JobFailure, JobOutcome, JobRequest, NamedValue};
use warren_vocab::LogLevel;

use crate::{
    archive::unpack,
    log::{LogSink, StageLog},
    provider::{Provider, ProviderSocket, Session},
    terraform::{Additions, Binary, CommandError, Environment, Runner, end_orphans},
};

const STATE: &str = "terraform.tfstate";
const PLAN: &str = "terraform.tfplan";
/// How long processes of a server that is gone may take to end after an interrupt.
const ORPHAN_GRACE_MAX: Duration = Duration::from_secs(10);

/// Where a provisioner keeps its files and finds Terraform.
#[derive(Debug, Clone)]
pub struct ProvisionerConfig {
    /// One directory per running job.
    pub work_dir: PathBuf,
    /// What is kept between jobs, e.g. downloaded providers.
    pub cache_dir: PathBuf,
    /// Where templates that run workspaces on this host keep their homes.
    pub process_root: PathBuf,
    /// Terraform's executable; without one `PATH` is searched.
    pub terraform: Option<PathBuf>,
    /// How long Terraform may take to stop when a job is canceled.
    pub interrupt_grace: Duration,
}

impl ProvisionerConfig {
    /// Lays everything out below a data directory.
    pub fn in_dir(data_dir: &Path, terraform: Option<PathBuf>) -> Self {
        Self {
            work_dir: data_dir.join("provisioner"),
            cache_dir: data_dir.join("cache"),
            process_root: data_dir.join("workspaces"),
            terraform,
            interrupt_grace: Duration::from_secs(180),
        }
    }
}

/// Runs jobs. Clones share what has been found out about Terraform.
#[derive(Debug, Clone)]
pub struct Provisioner {
    config: Arc<ProvisionerConfig>,
    binary: Arc<Mutex<Option<Binary>>>,
    /// Terraform's plugin cache is not safe for two inits at once, so this is held across one.
    init: Arc<tokio::sync::Mutex<()>>,
}

/// A job that has its directory, its Terraform and its provider.
struct Job<'a> {
    sink: &'a dyn LogSink,
    runner: &'a Runner,
    init: &'a tokio::sync::Mutex<()>,
}

impl Provisioner {
    /// Relative directories are taken from where the server was started.
    pub fn new(mut config: ProvisionerConfig) -> Self {
        for dir in [&mut config.work_dir, &mut config.cache_dir, &mut config.process_root] {
            // Only an empty path has no absolute form, and making that directory fails later with a sentence.
            *dir = std::path::absolute(&*dir).unwrap_or_default();
            // Processes are told by their directory, which the kernel names without links.
            *dir = resolved(dir);
        }
        Self { config: Arc::new(config), binary: Arc::default(), init: Arc::default() }
    }

    /// Carries out a job.
    ///
    /// # Errors
    /// The job has failed or was canceled; a state that it may have changed comes with the failure.
    pub async fn run(
        &self,
        request: JobRequest,
        sink: &dyn LogSink,
        cancel: CancellationToken,
    ) -> Result<JobOutcome, JobFailure> {
        let (id, archive) = match &request {
            JobRequest::Import(import) => (import.job, &import.archive),
            JobRequest::Build(build) => (build.job, &build.archive),
        };
        let dir = self.dir_of(id);
        let result = match self.set_up(&dir, archive, sink).await {
            Ok(binary) => self.run_in(&dir, binary, &request, sink, cancel).await,
            Err(failure) => Err(failure),
        };
        StageLog::begin(sink, "Cleaning Up").await;
        if let Err(error) = std::fs::remove_dir_all(&dir) {
            tracing::warn!(%error, dir = %dir.display(), "a job's directory could not be removed");
        }
        result
    }

    /// Reports whether a server before this one left something behind of a job.
    pub fn has_left(&self, job: Uuid) -> bool {
        self.dir_of(job).is_dir()
    }

    /// Ends what a server before this one left behind of a job, and returns the state that Terraform had written
    /// until then. Does nothing for a job that left nothing.
    pub async fn recover(&self, job: Uuid) -> Option<Vec<u8>> {
        let dir = self.dir_of(job);
        let dir = dir.canonicalize().ok()?;
        end_orphans(&dir, self.config.interrupt_grace.min(ORPHAN_GRACE_MAX)).await;
        let state = read_state(&dir);
        if let Err(error) = std::fs::remove_dir_all(&dir) {
            tracing::warn!(%error, dir = %dir.display(), "a job's directory could not be removed");
        }
        state
    }

    /// Ends and removes whatever earlier servers have left behind. To be called while no job runs, after
    /// [`Provisioner::recover`] has saved what is of use.
    pub async fn clear(&self) {
        let Ok(entries) = std::fs::read_dir(&self.config.work_dir) else { return };
        for dir in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            end_orphans(&dir, ORPHAN_GRACE_MAX).await;
            if let Err(error) = std::fs::remove_dir_all(&dir) {
                tracing::warn!(%error, dir = %dir.display(), "a leftover directory could not be removed");
            }
        }
    }

    fn dir_of(&self, job: Uuid) -> PathBuf {
        self.config.work_dir.join(job.to_string())
    }

    async fn set_up(&self, dir: &Path, archive: &[u8], sink: &dyn LogSink) -> Result<Binary, JobFailure> {
        let log = StageLog::begin(sink, "Setting up").await;
        let binary = self.binary().await?;
        log.note(LogLevel::Debug, format!("Terraform {} at {}", binary.version, binary.path.display())).await;
        make_private(&self.config.work_dir)?;
        make_private(&self.config.cache_dir)?;
        make_private(&self.config.process_root)?;
        make_private(&self.config.cache_dir.join("plugins"))?;
        make_private(dir)?;
        let left_out = unpack(archive, dir).map_err(|error| {
            tracing::debug!(?error, "a template's archive was refused");
            JobFailure::new(error.to_string())
        })?;
        for path in left_out {
            let text = format!("{} was left out: only files and directories are supported", path.display());
            log.note(LogLevel::Warn, text).await;
        }
        Ok(binary)
    }

    async fn binary(&self) -> Result<Binary, JobFailure> {
        let known = self.binary.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(binary) = known.filter(|binary| binary.path.is_file()) {
            return Ok(binary);
        }
        let found = Binary::find(self.config.terraform.as_deref()).await;
        let binary = found.map_err(|error| JobFailure::new(error.to_string()))?;
        *self.binary.lock().unwrap_or_else(PoisonError::into_inner) = Some(binary.clone());
        Ok(binary)
    }

    async fn run_in(
        &self,
        dir: &Path,
        binary: Binary,
        request: &JobRequest,
        sink: &dyn LogSink,
        cancel: CancellationToken,
    ) -> Result<JobOutcome, JobFailure> {
        let socket = || {
            ProviderSocket::bind(&self.config.work_dir)
                .map_err(|error| JobFailure::new(format!("the provider's socket could not be made: {error}")))
        };
        let runner = |socket: &ProviderSocket, variables: &[NamedValue]| {
            let additions = Additions {
                reattach: socket.reattach(),
                plugin_cache: &self.config.cache_dir.join("plugins"),
                process_root: &self.config.process_root,
                variables,
            };
            Runner {
                binary: binary.path.clone(),
                dir: dir.to_owned(),
                environment: Environment::new(std::env::vars_os(), &additions),
                cancel: cancel.clone(),
                interrupt_grace: self.config.interrupt_grace,
            }
        };
        match request {
            JobRequest::Import(import) => {
                let (start, stop) = (socket()?, socket()?);
                let runners = [runner(&start, &import.variables), runner(&stop, &import.variables)];
                let jobs = runners.each_ref().map(|runner| Job { sink, runner, init: &self.init });
                import::import(import, [start, stop], jobs, dir).await.map(JobOutcome::Import)
            }
            JobRequest::Build(build) => {
                let socket = socket()?;
                let session =
                    Session::new(build.metadata.clone(), &build.parameters, &build.previous_parameters);
                let runner = runner(&socket, &build.variables);
                let job = Job { sink, runner: &runner, init: &self.init };
                let work = build::build(build, &job, dir);
                serve(socket, session, work).await.map(JobOutcome::Build)
            }
        }
    }
}

impl Job<'_> {
    async fn begin(&self, stage: &'static str) -> StageLog<'_> {
        StageLog::begin(self.sink, stage).await
    }

    /// Fetches modules and the providers other than ours.
    async fn init(&self) -> Result<(), JobFailure> {
        let log = self.begin("Initializing Terraform Directory").await;
        for notice in &self.runner.environment.notices {
            log.note(LogLevel::Warn, notice.clone()).await;
        }
        let _one_at_a_time = self.init.lock().await;
        self.runner
            .run(&["init", "-no-color", "-input=false", "-json"], &log)
            .await
            .map_err(|error| failure("init", &error))
    }

    async fn plan(&self, out: &str, more: &[&str], log: &StageLog<'_>) -> Result<(), JobFailure> {
        let out = format!("-out={out}");
        let mut args = vec!["plan", "-no-color", "-input=false", "-json", "-refresh=true", &out];
        args.extend(more);
        self.runner.run(&args, log).await.map_err(|error| failure("plan", &error))
    }

    /// Prints a plan, or the state when there is none.
    async fn show(&self, plan: Option<&str>, log: &StageLog<'_>) -> Result<Vec<u8>, JobFailure> {
        let args: Vec<_> = ["show", "-json", "-no-color"].into_iter().chain(plan).collect();
        self.runner.capture(&args, Some(log)).await.map_err(|error| failure("show", &error))
    }

    async fn graph(&self, log: Option<&StageLog<'_>>) -> Result<String, JobFailure> {
        let graph = self.runner.capture(&["graph", "-type=plan"], log).await;
        let graph = graph.map_err(|error| failure("graph", &error))?;
        Ok(String::from_utf8_lossy(&graph).into_owned())
    }
}

/// Lets Terraform reach the provider while `work` runs.
async fn serve<T>(
    socket: ProviderSocket,
    session: Session,
    work: impl Future<Output = Result<T, JobFailure>>,
) -> Result<T, JobFailure> {
    match socket.serve_during(Provider::new(session), work).await {
        Ok(result) => result,
        Err(error) => Err(JobFailure::new(format!("the provider could not be served: {error}"))),
    }
}

fn failure(command: &str, error: &CommandError) -> JobFailure {
    let canceled = matches!(error, CommandError::Canceled);
    let message = match error {
        CommandError::Canceled => format!("terraform {command} was interrupted because the job was canceled"),
        CommandError::Start(source) => format!("terraform {command} could not be started: {source}"),
        CommandError::Failed(words) => format!("terraform {command} failed: {words}"),
    };
    let code = message.contains("No value for required variable");
    JobFailure {
        code: code.then_some(JobErrorCode::RequiredTemplateVariables),
        canceled,
        ..JobFailure::new(message)
    }
}

fn read_state(dir: &Path) -> Option<Vec<u8>> {
    std::fs::read(dir.join(STATE)).ok().filter(|state| !state.is_empty())
}

/// Follows the links of the part of a path that exists.
fn resolved(dir: &Path) -> PathBuf {
    match (dir.canonicalize(), dir.parent(), dir.file_name()) {
        (Ok(dir), _, _) => dir,
        (Err(_), Some(parent), Some(name)) => resolved(parent).join(name),
        (Err(_), _, _) => dir.to_owned(),
    }
}

/// Makes a directory that holds secrets.
fn make_private(dir: &Path) -> Result<(), JobFailure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        JobFailure::new(format!("the directory {} could not be made: {error}", dir.display()))
    })
}
