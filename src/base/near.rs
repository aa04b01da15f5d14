//! The word that was probably meant.

/// The nearest of some words to one that is none of them, if one is near.
pub fn nearest<'a>(found: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |word: &str| strsim::damerau_levenshtein(found, word);
    let (best, far) = words.into_iter().map(|word| (word, distance(word))).min_by_key(|(_, far)| *far)?;
    (far <= 1 + best.len() / 4).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_nonsense_is_not() {
        let words = ["bundle_size", "bundle_age", "fetchers"];
        assert_eq!(nearest("bundel_size", words), Some("bundle_size"));
        assert_eq!(nearest("fetcher", words), Some("fetchers"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("colour", []), None);
    }
}
