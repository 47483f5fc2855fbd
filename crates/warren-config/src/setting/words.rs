//! Values that are one of some words.

use super::{Kind, Setting, last};
use crate::tree::{SameSite, TlsVersion};

macro_rules! words {
    ($kind:ty, $($word:literal => $value:expr),+) => {
        impl Setting for $kind {
            fn kind(&self) -> Kind {
                Kind::Word
            }

            fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
                let text = last(texts).to_ascii_lowercase();
                let known = [$(($word, $value)),+].into_iter().find(|(word, _)| *word == text);
                let (_, value) = known.ok_or_else(|| format!("one of {}", self.words().join(", ")))?;
                *self = value;
                Ok(())
            }

            fn text(&self) -> String {
                let known = [$(($word, $value)),+].into_iter().find(|(_, value)| value == self);
                known.map(|(word, _)| word.to_owned()).unwrap_or_default()
            }

            fn words(&self) -> &'static [&'static str] {
                &[$($word),+]
            }
        }
    };
}

words!(TlsVersion, "tls12" => TlsVersion::Tls12, "tls13" => TlsVersion::Tls13);
words!(SameSite, "lax" => SameSite::Lax, "none" => SameSite::None, "strict" => SameSite::Strict);
