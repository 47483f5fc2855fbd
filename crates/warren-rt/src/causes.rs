//! Errors as logs tell them.

use std::{
    error::Error,
    fmt::{Display, Formatter, Result},
};

/// An error with all that caused it, on one line.
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl Display for Causes<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(formatter, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_log_tells_what_was_behind_an_error() {
        let source = io::Error::other("the disk is full");
        let error = crate::SealError::KeyFile { path: "/key".into(), source };
        let told = "cannot read or create the key file /key: the disk is full";
        assert_eq!(Causes(&error).to_string(), told);
    }
}
