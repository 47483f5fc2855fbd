//! The error of every use case, by what the caller can do about it.

use thiserror::Error;
use warren_authz::Denied;
use warren_db::DbError;
use warren_rt::SealError;

/// The result of a use case.
pub type AppResult<T> = Result<T, AppError>;

/// One field of the request that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The name of the field in the request.
    pub field: String,
    pub detail: String,
}

/// What a refusal tells the user: one sentence, and which fields to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    pub message: String,
    pub detail: Option<String>,
    pub validations: Vec<Validation>,
}

/// Why a use case did not do what was asked.
#[derive(Debug, Error)]
pub enum AppError {
    /// The object does not exist or the caller may not know that it does.
    #[error("resource not found or you do not have access to this resource")]
    NotFound,
    #[error("{}", .0.message)]
    Unauthenticated(Explanation),
    #[error("{}", .0.message)]
    Forbidden(Explanation),
    #[error("{}", .0.message)]
    Invalid(Explanation),
    /// The state of the object forbids it; trying again later or with another name may help.
    #[error("{}", .0.message)]
    Conflict(Explanation),
    /// The object existed and was deleted.
    #[error("{}", .0.message)]
    Gone(Explanation),
    /// Something that the request needs is not finished yet.
    #[error("{}", .0.message)]
    NotReady(Explanation),
    /// The object still has others that depend on it.
    #[error("{}", .0.message)]
    StillUsed(Explanation),
    /// The object is not in the state that the request named.
    #[error("{}", .0.message)]
    Precondition(Explanation),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("{message}")]
    Internal { message: &'static str },
}

impl Explanation {
    /// An explanation without details.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Adds the field that is wrong.
    pub fn field(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.validations.push(Validation { field: field.into(), detail: detail.into() });
        self
    }

    /// Refuses the request when a field is wrong.
    ///
    /// # Errors
    /// [`AppError::Invalid`] with the fields.
    pub fn refuse_if_any(self) -> AppResult<()> {
        if self.validations.is_empty() { Ok(()) } else { Err(AppError::Invalid(self)) }
    }

    /// Adds diagnostic text.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl From<&str> for Explanation {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Explanation {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl AppError {
    /// A refusal of the request's content.
    pub fn invalid(explanation: impl Into<Explanation>) -> Self {
        Self::Invalid(explanation.into())
    }

    /// A refusal because of the object's state.
    pub fn conflict(explanation: impl Into<Explanation>) -> Self {
        Self::Conflict(explanation.into())
    }

    /// A refusal of a known object's action.
    pub fn forbidden(explanation: impl Into<Explanation>) -> Self {
        Self::Forbidden(explanation.into())
    }

    /// The refusal of one field.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(Explanation::new("Validation failed.").field(field, detail))
    }

    /// The refusal of a name that another object has.
    pub fn name_taken(message: impl Into<String>) -> Self {
        let explanation = Explanation::new(message);
        Self::Conflict(explanation.field("name", "This value is already in use and should be unique."))
    }
}

impl From<Denied> for AppError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotFound => Self::NotFound,
            Denied::Forbidden => Self::forbidden("Forbidden. You do not have permission to do this."),
        }
    }
}
