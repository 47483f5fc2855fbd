//! The rules of what people type into an account: e-mail address, user name, display name.

use warren_vocab::Username;

/// The longest e-mail address that mail servers take, in bytes.
const EMAIL_BYTES_MAX: usize = 254;
/// The longest display name, in characters.
const NAME_CHARS_MAX: usize = 128;

/// Checks an e-mail address and brings it into the form that is stored.
///
/// Databases lower only ASCII letters in the same way, so other letters are stored in lower case; that makes addresses
/// comparable whatever their case.
///
/// # Errors
/// The reason, for the user.
pub(crate) fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let wrong = || Err(String::from("must be an e-mail address"));
    let Some((local, domain)) = text.rsplit_once('@') else { return wrong() };
    let is_bad =
        |letter: char| letter.is_whitespace() || letter.is_control() || "<>,;\"()[]\\".contains(letter);
    if local.is_empty() || local.contains('@') || text.contains(is_bad) || !is_domain(domain) {
        return wrong();
    }
    if text.len() > EMAIL_BYTES_MAX {
        return Err(format!("must be at most {EMAIL_BYTES_MAX} bytes long"));
    }
    Ok(stored(text))
}

/// The form in which an address is stored and looked for.
pub(crate) fn stored(text: &str) -> String {
    let lower = |letter: char| {
        if letter.is_ascii() { vec![letter] } else { letter.to_lowercase().collect::<Vec<_>>() }
    };
    text.trim().chars().flat_map(lower).collect()
}

/// Checks a user name.
///
/// # Errors
/// The reason, for the user.
pub(crate) fn username(text: &str) -> Result<(), String> {
    Username::parse(text).map(drop).map_err(|error| error.to_string())
}

/// Checks a display name.
///
/// # Errors
/// The reason, for the user.
pub(crate) fn check_name(text: &str) -> Result<(), String> {
    let text = normal_name(text);
    if text.chars().count() > NAME_CHARS_MAX {
        return Err(format!("must be at most {NAME_CHARS_MAX} characters long"));
    }
    if text.chars().any(char::is_control) {
        return Err(String::from("must not contain control characters"));
    }
    Ok(())
}

/// A display name without blanks around it.
pub(crate) fn normal_name(text: &str) -> String {
    text.trim().to_owned()
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_recognised() {
        for good in ["a@b", "ada.lovelace+x@mail.example.com", "größe@bücher.example", "o'neil@example.com"]
        {
            assert!(email(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "x".repeat(250));
        for bad in
            ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b..c", "a@-b", "Ada <a@b>", "a@b\n", "a\u{0}@b", &long]
        {
            assert!(email(bad).is_err() || bad.trim() != bad, "{bad}");
        }
    }

    #[test]
    fn only_letters_beyond_ascii_change_their_case() {
        assert_eq!(email(" Ada@Example.COM ").unwrap(), "Ada@Example.COM");
        assert_eq!(email("ÄDA@example.com").unwrap(), "äDA@example.com");
    }

    #[test]
    fn display_names_may_be_anything_short() {
        assert!(check_name("").is_ok());
        assert!(check_name("Ада Лавлейс 👩‍💻").is_ok());
        assert!(check_name(&"x".repeat(129)).is_err());
        assert!(check_name("a\u{7}b").is_err());
    }
}
