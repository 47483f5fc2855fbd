//! Work at a deployment's database without serving it: for administrators, from the command line.

use thiserror::Error;
use warren_app::{
    AppError,
    identity::FirstUser,
    maintenance,
    sealing::{self, Forgotten, KeySources, KeysError, Rotation},
};
use warren_config::ServerConfig;
use warren_db::{CopyError, CopyProgress, CopyReport, Database, Location, LocationError, OpenError};
use warren_vocab::UserId;

use crate::server::location;

/// Why the work could not be done; each text is a sentence for the administrator.
#[derive(Debug, Error)]
pub enum MaintenanceError {
    #[error("{0}; SQLite lets only one program in, so stop the server first")]
    InUse(OpenError),
    #[error(transparent)]
    Open(OpenError),
    #[error("{flag} cannot be used: {source}")]
    Place { flag: &'static str, source: LocationError },
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("{}", sentence(.0))]
    Refused(AppError),
}

/// Moves a deployment from one database into another, empty one. A place is a `postgres://` URL, `sqlite:///directory` or
/// a data directory.
///
/// # Errors
/// When a place is none, a database cannot be opened, the target is not empty, or not all rows arrive.
pub async fn copy_database(
    from: &str,
    to: &str,
    progress: impl FnMut(CopyProgress),
) -> Result<CopyReport, MaintenanceError> {
    let place = |text: &str, flag| {
        text.parse::<Location>().map_err(|source| MaintenanceError::Place { flag, source })
    };
    let (from, to) = (place(from, "--from")?, place(to, "--to")?);
    Ok(warren_db::copy(&from, &to, progress).await?)
}

/// The database of a deployment, opened for one command.
pub struct Maintenance {
    db: Database,
    config: ServerConfig,
}

/// An owner to make.
#[derive(Debug, Clone)]
pub struct NewOwner {
    pub username: String,
    pub email: String,
    pub password: String,
}

impl Maintenance {
    /// Opens the database that the settings name and brings it up to date.
    ///
    /// # Errors
    /// [`MaintenanceError::InUse`] when it is SQLite and a server runs on it; [`MaintenanceError::Open`] also when a newer
    /// program has changed it, as there may be more to work on than this one knows.
    pub async fn open(config: ServerConfig) -> Result<Self, MaintenanceError> {
        let db = Database::open(&location(&config.database)).await.map_err(|error| match error {
            OpenError::InUse { .. } => MaintenanceError::InUse(error),
            other => MaintenanceError::Open(other),
        })?;
        match db.newer() {
            None => Ok(Self { db, config }),
            Some(migration) => {
                let (location, migration) = (db.location().clone(), migration.to_owned());
                Err(MaintenanceError::Open(OpenError::TooNew { location, migration }))
            }
        }
    }

    /// Makes an owner, and returns its id.
    ///
    /// # Errors
    /// When a field is wrong, or an account has the name or address already.
    pub async fn create_owner(&self, owner: NewOwner) -> Result<UserId, MaintenanceError> {
        let NewOwner { username, email, password } = owner;
        let owner = FirstUser { email, username, name: String::new(), password };
        maintenance::create_owner(&self.db, owner).await.map_err(MaintenanceError::Refused)
    }

    /// Sets a password, ends the account's sessions and tokens, and returns its name.
    ///
    /// # Errors
    /// When there is no such account, it does not use a password, or the password is weak.
    pub async fn reset_password(&self, user: &str, password: String) -> Result<String, MaintenanceError> {
        let changed = maintenance::reset_password(&self.db, user, password).await;
        changed.map(|user| user.username).map_err(MaintenanceError::Refused)
    }

    /// Seals every secret anew with the first of the configured keys.
    ///
    /// # Errors
    /// When a key is missing.
    pub async fn rotate_keys(&self) -> Result<Rotation, MaintenanceError> {
        let sealer = sealing::open_keys(&self.db, self.keys()).await?;
        sealing::rotate(&self.db, &sealer).await.map_err(MaintenanceError::Refused)
    }

    /// Gives up every sealed secret.
    ///
    /// # Errors
    /// When a configured key is malformed.
    pub async fn forget_secrets(&self) -> Result<Forgotten, MaintenanceError> {
        sealing::forget(&self.db, self.keys()).await.map_err(MaintenanceError::Refused)
    }

    /// Closes the database.
    pub async fn close(self) {
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    fn keys(&self) -> KeySources<'_> {
        KeySources {
            external: &self.config.external_token_encryption_keys,
            data_dir: &self.config.database.data_dir,
        }
    }
}

fn sentence(error: &AppError) -> String {
    let explanation = match error {
        AppError::NotFound => return "there is no such account".to_owned(),
        AppError::Invalid(explanation) | AppError::Conflict(explanation) => explanation,
        other => return format!("{other}{}", cause(other)),
    };
    let fields = explanation.validations.iter().map(|wrong| format!(" ({}: {})", wrong.field, wrong.detail));
    format!("{}{}", explanation.message.trim_end_matches('.'), fields.collect::<String>())
}

fn cause(error: &AppError) -> String {
    std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default()
}
