//! The word that was probably meant.

/// The nearest of some words to one that is none of them, if one is near.
pub fn nearest<'a>(found: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |word: &str| strsim::damerau_levenshtein(found, word);
    let near = words.into_iter().map(|word| (word, distance(word))).filter(|(word, far)| *far <= 1 + word.len() / 4);
    near.min_by_key(|(_, far)| *far).map(|(word, _)| word)
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
