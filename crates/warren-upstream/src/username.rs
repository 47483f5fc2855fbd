//! User names out of what providers call people: pure.

use warren_vocab::{Username, name::NAME_BYTES_MAX};

/// Used when nothing of a provider's name is left.
const FALLBACK: &str = "user";

/// Makes a valid user name of a provider's name or e-mail address: the part before `@`, letters and digits, everything
/// else one hyphen, at most 32 bytes.
pub fn normalize(text: &str) -> Option<String> {
    let local = text.split('@').next().unwrap_or_default();
    let words: Vec<_> =
        local.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    // Everything is ASCII by now.
    name.truncate(NAME_BYTES_MAX);
    let name = name.trim_end_matches('-').to_owned();
    Username::parse(&name).is_ok().then_some(name)
}

/// The first of the texts that gives a user name, else `user`.
pub fn first_usable(texts: &[&str]) -> String {
    texts.iter().find_map(|text| normalize(text)).unwrap_or_else(|| FALLBACK.to_owned())
}

/// The name with a number that makes it another one of at most 32 bytes.
pub fn numbered(name: &str, number: u32) -> String {
    let suffix = format!("-{number}");
    let kept: String = name.chars().take(NAME_BYTES_MAX - suffix.len()).collect();
    format!("{}{suffix}", kept.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words_joined_by_hyphens() {
        for (given, expected) in [
            ("ada", Some("ada")),
            ("Ada.Lovelace", Some("Ada-Lovelace")),
            ("ada_lovelace@example.com", Some("ada-lovelace")),
            ("__ada__", Some("ada")),
            ("a--b..c", Some("a-b-c")),
            ("ada lovelace", Some("ada-lovelace")),
            ("José", Some("Jos")),
            ("日本", None),
            ("", None),
            ("@example.com", None),
            ("me", None),
            ("prebuilds", None),
            ("abcdefghijklmnopqrstuvwxyzabcde.fgh", Some("abcdefghijklmnopqrstuvwxyzabcde")),
        ] {
            assert_eq!(normalize(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn the_first_usable_text_counts() {
        assert_eq!(first_usable(&["日本", "", "ada@example.com"]), "ada");
        assert_eq!(first_usable(&["", "me"]), "user");
    }

    #[test]
    fn numbered_names_stay_valid() {
        assert_eq!(numbered("ada", 2), "ada-2");
        let long = numbered(&"x".repeat(32), 12);
        assert_eq!(long.len(), 32);
        assert!(Username::parse(&long).is_ok());
        assert_eq!(numbered("abcdefghijklmnopqrstuvwxyzabc-ef", 7), "abcdefghijklmnopqrstuvwxyzabc-7");
        assert!(Username::parse(&numbered("abcdefghijklmnopqrstuvwxyzabc-ef", 7)).is_ok());
    }
}
