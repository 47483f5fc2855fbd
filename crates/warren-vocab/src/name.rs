//! Names that people choose, checked once at the edge.

use std::fmt;

use thiserror::Error;

/// The longest name of a user, workspace, template or organization, in bytes.
pub const NAME_BYTES_MAX: usize = 32;
/// The longest display name, in characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;

/// Why a text cannot be used as a name. The text says what to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidName {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {max} characters long")]
    TooLong { max: usize },
    #[error("must consist of letters, digits and single hyphens between them")]
    Form,
    #[error("must not begin or end with a space")]
    Spaces,
    #[error("{word:?} is reserved")]
    Reserved { word: String },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $parse:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks a text that a user chose.
            ///
            /// # Errors
            /// Says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                $parse(text).map(|()| Self(text.to_owned()))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns the owned text.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}

name! {
    /// The name of a user: letters, digits and single inner hyphens, at most 32 bytes.
    Username, check_username
}
name! {
    /// The name of a workspace, template, template version or organization: the form of a username.
    ResourceName, check_name
}
name! {
    /// A free text shown in place of a name: at most 64 characters, no blanks at either end.
    DisplayName, check_display_name
}

fn check_name(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(InvalidName::TooLong { max: NAME_BYTES_MAX });
    }
    let parts_are_words =
        text.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if parts_are_words { Ok(()) } else { Err(InvalidName::Form) }
}

fn check_username(text: &str) -> Result<(), InvalidName> {
    check_name(text)?;
    // `me` and `prebuilds` already mean something in every path that takes a user.
    if ["me", "prebuilds"].contains(&text) {
        return Err(InvalidName::Reserved { word: text.to_owned() });
    }
    Ok(())
}

fn check_display_name(text: &str) -> Result<(), InvalidName> {
    if text.chars().count() > DISPLAY_NAME_CHARS_MAX {
        return Err(InvalidName::TooLong { max: DISPLAY_NAME_CHARS_MAX });
    }
    if text.trim() != text {
        return Err(InvalidName::Spaces);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_joined_by_single_hyphens() {
        for good in ["a", "dev", "my-Workspace-2", "0x1", &"x".repeat(32)] {
            assert!(ResourceName::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", InvalidName::Empty),
            ("-dev", InvalidName::Form),
            ("dev-", InvalidName::Form),
            ("a--b", InvalidName::Form),
            ("a_b", InvalidName::Form),
            ("a b", InvalidName::Form),
            ("größe", InvalidName::Form),
            (&"x".repeat(33), InvalidName::TooLong { max: 32 }),
        ] {
            assert_eq!(ResourceName::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_user_cannot_be_called_me() {
        assert_eq!(Username::parse("me"), Err(InvalidName::Reserved { word: "me".into() }));
    }
}
