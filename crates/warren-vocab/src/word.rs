//! The macro behind every closed set of words: one list gives the enum, its text form and its parser.

use thiserror::Error;

/// A text that is not a member of the closed set it was parsed as.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not a {kind}; use one of {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What was being parsed, for example `transition`.
    pub kind: &'static str,
    /// The text that was given.
    pub found: String,
    /// Every text that would have been accepted.
    pub allowed: &'static [&'static str],
}

/// Declares a `Copy` enum whose variants are fixed words on the wire and in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every member, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The text form of every member, in declaration order.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// Returns the word as it stands on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        // Not derived: utoipa's derive does not see a rename that comes out of a macro and would list the variants' names.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(Self::WORDS.iter().copied()))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::word::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err($crate::word::UnknownWord {
                        kind: $kind,
                        found: other.to_owned(),
                        allowed: Self::WORDS,
                    }),
                }
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::{Transition, WorkspaceStatus};

    #[test]
    fn every_word_parses_back_to_itself() {
        for status in WorkspaceStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), serde_json::json!(status.as_str()));
        }
    }

    #[test]
    fn the_schema_lists_the_words_and_not_the_variants() {
        let schema = serde_json::to_value(<Transition as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(Transition::WORDS));
    }

    #[test]
    fn an_unknown_word_names_the_choices() {
        let error = "restart".parse::<Transition>().unwrap_err();
        assert_eq!(error.to_string(), r#""restart" is not a transition; use one of start, stop, delete"#);
    }
}
