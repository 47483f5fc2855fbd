//! The known key that somebody probably meant.

/// Returns the candidate with the fewest differing letters, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = wrong.chars().count() / 3;
    candidates
        .map(|candidate| (distance(wrong, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or changed; upper and lower case are the same.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_key_and_nonsense_finds_none() {
        let known = ["ACCESS_URL", "HTTP_ADDRESS", "DATA_DIR"];
        assert_eq!(nearest("ACESS_URL", known.into_iter()), Some("ACCESS_URL"));
        assert_eq!(nearest("HTTP_ADRES", known.into_iter()), Some("HTTP_ADDRESS"));
        assert_eq!(nearest("FROBNICATE", known.into_iter()), None);
        assert_eq!(distance("kitten", "Sitting"), 3);
    }
}
