//! From a URL of a site to the file behind it, by patterns that the configuration names. Pure.
//!
//! A pattern is a URL with places in braces: `https://cdn.example.com/{domain}/{key}`. `{source}` and `{domain}` stand
//! for text without a slash, `{key}` for all that is left. Scheme and port (80, 443) do not matter, nor does the case of
//! the host; a query and a fragment of the URL are cut off; `%NN` in it is the byte NN (RFC 3986, section 2.1).

use super::Shown;
use super::near::nearest;

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no URL.
    #[error(
        "a pattern begins with http:// or https:// and a host, such as \"https://cdn.example.com/{{domain}}/{{key}}\""
    )]
    NoUrl,
    /// A place is not closed, or closed twice.
    #[error("a brace of the pattern has no partner; places are {{source}}, {{domain}} and {{key}}")]
    Brace,
    /// No such place.
    #[error("the pattern has no place for {{{found}}}{}; places are {{source}}, {{domain}} and {{key}}", .near.map_or_else(String::new, |near| format!("; did you mean {{{near}}}?")))]
    Place {
        /// What stands there, safe to show.
        found: String,
        /// What is nearest to it.
        near: Option<&'static str>,
    },
    /// No key.
    #[error("the pattern ends without {{key}}; the key is its last place, and there once")]
    Key,
    /// A place stands twice.
    #[error("the pattern has {{{0}}} twice; which of them is meant?")]
    Twice(&'static str),
    /// Where one place ends nobody can say.
    #[error("the pattern has two places with nothing between them; put what separates them there, such as \"/\"")]
    Adjacent,
    /// What is cut off cannot be matched.
    #[error("the pattern has a query or a fragment (\"?\", \"#\"), which are cut off a URL before it is compared")]
    Query,
    /// Neither a source nor a domain.
    #[error(
        "the pattern does not say whose key it is; put {{source}} or {{domain}} in it, or set source or domain beside it"
    )]
    Nobody,
    /// Several of them.
    #[error(
        "the pattern says more than once whose key it is; one of {{source}}, {{domain}}, source and domain is enough"
    )]
    Several,
}

/// A URL that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No host.
    #[error("a URL has a host after its scheme, such as https://cdn.example.com/a.jpg")]
    NoHost,
    /// A percent sign without two hexadecimal digits, at this byte of the URL.
    #[error("\"%\" in a URL is followed by two hexadecimal digits; a percent sign itself is %25")]
    Escape(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Source,
    Domain,
    Key,
}

/// A pattern, and whose keys it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlRule {
    parts: Vec<Part>,
    owner: Option<Owner>,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A source's.
    Source(Vec<u8>),
    /// A MogileFS domain's.
    Domain(Vec<u8>),
}

/// A URL without what does not matter: host in lower case, a slash, path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(Vec<u8>);

impl Url {
    /// Reads a URL. Nothing if it is none (it begins with another scheme, or with none).
    pub fn read(url: &[u8]) -> Option<Result<Self, UrlError>> {
        let (rest, port) = after_scheme(url)?;
        let begin = url.len() - rest.len();
        let cut = rest.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(rest.len());
        let rest = &rest[..cut];
        let slash = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(slash);
        let host = host.strip_suffix(port).unwrap_or(host);
        if host.is_empty() {
            return Some(Err(UrlError::NoHost));
        }
        if let Some(at) = bad_escape(rest) {
            return Some(Err(UrlError::Escape(begin + at)));
        }
        Some(Ok(Self([host.to_ascii_lowercase().as_slice(), path].concat())))
    }
}

/// What stands after `http://` or `https://`, and that scheme's own port.
fn after_scheme(url: &[u8]) -> Option<(&[u8], &'static [u8])> {
    let begins = |scheme: &[u8]| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if begins(b"http://") {
        Some((&url[7..], b":80"))
    } else if begins(b"https://") {
        Some((&url[8..], b":443"))
    } else {
        None
    }
}

fn bad_escape(text: &[u8]) -> Option<usize> {
    let bad = |at: &usize| {
        text[*at] == b'%' && !text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    (0..text.len()).find(bad)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(text).collect()
}

impl UrlRule {
    /// Reads a pattern; `source` or `domain` says whose keys it finds, where the pattern has no place for that.
    pub fn new(pattern: &str, source: Option<&str>, domain: Option<&str>) -> Result<Self, PatternError> {
        let (rest, own_port) = after_scheme(pattern.as_bytes()).ok_or(PatternError::NoUrl)?;
        if rest.iter().any(|byte| matches!(byte, b'?' | b'#')) {
            return Err(PatternError::Query);
        }
        let mut rest = pattern.get(pattern.len() - rest.len()..).unwrap_or_default();
        if rest.is_empty() || rest.starts_with('/') {
            return Err(PatternError::NoUrl);
        }
        let (mut parts, mut in_host) = (Vec::new(), true);
        while !rest.is_empty() {
            let (text, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
            if !text.is_empty() {
                parts.push(Part::Text(literal(text, &mut in_host, own_port)));
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
            let (name, after) =
                rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or(PatternError::Brace)?;
            let (part, word) = match name {
                "source" => (Part::Source, "source"),
                "domain" => (Part::Domain, "domain"),
                "key" => (Part::Key, "key"),
                other => {
                    let near = nearest(other, ["source", "domain", "key"]);
                    return Err(PatternError::Place { found: Shown::text(other).to_string(), near });
                }
            };
            if parts.contains(&part) {
                return Err(PatternError::Twice(word));
            }
            if parts.last().is_some_and(|last| !matches!(last, Part::Text(_))) {
                return Err(PatternError::Adjacent);
            }
            parts.push(part);
            rest = after;
        }
        if parts.last() != Some(&Part::Key) {
            return Err(PatternError::Key);
        }
        let within = parts.iter().filter(|part| matches!(part, Part::Source | Part::Domain)).count();
        let owner = match (within, source, domain) {
            (0, None, None) => return Err(PatternError::Nobody),
            (0, Some(source), None) => Some(Owner::Source(source.as_bytes().to_vec())),
            (0, None, Some(domain)) => Some(Owner::Domain(domain.as_bytes().to_vec())),
            (1, None, None) => None,
            _ => return Err(PatternError::Several),
        };
        Ok(Self { parts, owner })
    }

    /// Whose key a URL is, and which; nothing when the pattern does not fit.
    pub fn find(&self, url: &Url) -> Option<(Owner, Vec<u8>)> {
        let mut rest = url.0.as_slice();
        let mut owner = self.owner.clone();
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(text.as_slice())?,
                Part::Key if rest.is_empty() => return None,
                Part::Key => return Some((owner?, decoded(rest))),
                Part::Source | Part::Domain => {
                    // A place is followed by text: a pattern ends with its key.
                    let Some(Part::Text(next)) = self.parts.get(at + 1) else { return None };
                    let end = rest.windows(next.len()).position(|window| window == next.as_slice())?;
                    let (found, after) = rest.split_at(end);
                    if found.is_empty() || found.contains(&b'/') {
                        return None;
                    }
                    rest = after;
                    let found = decoded(found);
                    owner = Some(if *part == Part::Source { Owner::Source(found) } else { Owner::Domain(found) });
                }
            }
        }
        None
    }
}

/// Text of a pattern as it is compared: what belongs to the host in lower case, without the scheme's own port.
fn literal(text: &str, in_host: &mut bool, port: &[u8]) -> Vec<u8> {
    if !*in_host {
        return text.as_bytes().to_vec();
    }
    let Some((host, path)) = text.split_once('/') else { return text.to_ascii_lowercase().into_bytes() };
    *in_host = false;
    let host = host.to_ascii_lowercase().into_bytes();
    let host = host.strip_suffix(port).unwrap_or(&host);
    [host, b"/", path.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(url: &str) -> Url {
        Url::read(url.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_url_finds_its_key_by_the_first_pattern_that_fits() {
        let pattern = |text: &str| UrlRule::new(text, None, None).unwrap();
        let both = pattern("https://CDN.example.com:443/{domain}/{key}");
        let in_host = pattern("http://{source}.example.com/files/{key}");
        let fixed = UrlRule::new("https://img.example.com/{key}", Some("ugc"), None).unwrap();
        let source = |name: &str, key: &[u8]| Some((Owner::Source(name.into()), key.to_vec()));
        let domain = |name: &str, key: &[u8]| Some((Owner::Domain(name.into()), key.to_vec()));
        let cases = [
            (&both, "https://cdn.example.com/avatar/a/b.jpg", domain("avatar", b"a/b.jpg")),
            (&both, "HTTP://Cdn.Example.com:80/avatar/a%20b%2Fc+d.jpg?w=100#top", domain("avatar", b"a b/c+d.jpg")),
            (&both, "https://cdn.example.com/av%61tar/%FF", domain("avatar", b"\xff")),
            (&both, "https://cdn.example.com//a.jpg", None),
            (&both, "https://cdn.example.com/avatar/", None),
            (&both, "https://cdn.example.com:8080/avatar/a.jpg", None),
            (&both, "https://me@cdn.example.com/avatar/a.jpg", None),
            (&in_host, "https://photos.example.com/files/A/b", source("photos", b"A/b")),
            (&in_host, "https://photos.example.com/Files/A/b", None),
            (&in_host, "https://x/y.example.com/files/a", None),
            (&fixed, "https://img.example.com/a//b", source("ugc", b"a//b")),
        ];
        for (rule, url, expected) in cases {
            assert_eq!(rule.find(&read(url)), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_and_what_is_a_wrong_one() {
        assert_eq!(Url::read(b"ftp://x/y"), None);
        assert_eq!(Url::read(b"ugc:http://"), None);
        for url in ["http://", "https:///a", "https://:443/a", "http://?q"] {
            assert_eq!(Url::read(url.as_bytes()), Some(Err(UrlError::NoHost)), "{url}");
        }
        for (url, at) in [("http://x/%", 9), ("http://x/a%2", 10), ("http://x/%zz", 9), ("https://x/%20%G0", 13)] {
            assert_eq!(Url::read(url.as_bytes()), Some(Err(UrlError::Escape(at))), "{url}");
        }
        assert!(matches!(Url::read(b"http://x/a?q=100%"), Some(Ok(_))), "what is cut off is not looked at");
    }

    #[test]
    fn patterns_that_are_none_are_refused_each_for_its_reason() {
        let places = "places are {source}, {domain} and {key}";
        let cases = [
            ("cdn.example.com/{key}", "a pattern begins with http:// or https:// and a host, such as \"https://cdn.example.com/{domain}/{key}\"".to_owned()),
            ("https:///{key}", PatternError::NoUrl.to_string()),
            ("https://x/{key", format!("a brace of the pattern has no partner; {places}")),
            ("https://x}/{key}", PatternError::Brace.to_string()),
            ("https://x/{domian}/{key}", format!("the pattern has no place for {{domian}}; did you mean {{domain}}?; {places}")),
            ("https://x/{size}/{key}", format!("the pattern has no place for {{size}}; {places}")),
            ("https://x/{domain}/", "the pattern ends without {key}; the key is its last place, and there once".to_owned()),
            ("https://x/{key}/{domain}", PatternError::Key.to_string()),
            ("https://x/{key}/{key}", "the pattern has {key} twice; which of them is meant?".to_owned()),
            ("https://x/{domain}{key}", PatternError::Adjacent.to_string()),
            ("https://x/{domain}/?k={key}", PatternError::Query.to_string()),
            ("https://x/{key}", PatternError::Nobody.to_string()),
            ("https://x/{source}/{domain}/{key}", PatternError::Several.to_string()),
        ];
        for (pattern, text) in cases {
            assert_eq!(UrlRule::new(pattern, None, None).unwrap_err().to_string(), text, "{pattern}");
        }
        let twice = UrlRule::new("https://x/{source}/{key}", Some("ugc"), None);
        assert_eq!(twice, Err(PatternError::Several));
        assert_eq!(UrlRule::new("https://x/{key}", Some("ugc"), Some("avatar")), Err(PatternError::Several));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_url_or_not_and_any_text_a_pattern_or_not(
            bytes: Vec<u8>, tail in "[a-z{}%/?#:.]{0,20}", pattern in "https?://[a-z{}/?#:.]{0,30}"
        ) {
            let _ = Url::read(&bytes);
            let _ = UrlRule::new(&pattern, Some("ugc"), None);
            let rule = UrlRule::new("https://x/{domain}/{key}", None, None).unwrap();
            if let Some(Ok(url)) = Url::read(format!("https://x/{tail}").as_bytes()) {
                let _ = rule.find(&url);
            }
        }

        #[test]
        fn a_key_that_was_escaped_is_found(key in proptest::collection::vec(any::<u8>(), 1..40)) {
            let escaped = percent_encoding::percent_encode(&key, percent_encoding::NON_ALPHANUMERIC);
            let rule = UrlRule::new("https://x/{key}", Some("ugc"), None).unwrap();
            let found = rule.find(&read(&format!("http://X/{escaped}?q")));
            prop_assert_eq!(found, Some((Owner::Source(b"ugc".to_vec()), key)));
        }
    }
}
