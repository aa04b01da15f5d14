//! Bytes as text: hex, base64, percent, and the two-field rule for bytes in JSON.

use data_encoding::{BASE64, HEXLOWER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use serde_json::{Map, Value};

/// Everything but letters, digits and `-._~/` becomes `%XX`: a path stays readable, nothing else gets through.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Lower-case hex back to bytes; nothing if it is not that.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(text.as_bytes()).ok()
}

/// A key as ASCII for a manifest or a PAX record.
pub fn percent(bytes: &[u8]) -> String {
    percent_encode(bytes, KEY).to_string()
}

/// The bytes of [`percent`]'s text.
pub fn unpercent(text: &str) -> Vec<u8> {
    percent_decode(text.as_bytes()).collect()
}

/// Puts bytes into a JSON object: as `name` when they are UTF-8, else as `name_b64` (base64). Readers find one of both.
pub fn put_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.to_owned(), Value::from(text)),
        Err(_) => object.insert(format!("{name}_b64"), Value::from(BASE64.encode(bytes))),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_keeps_bytes_that_are_not_text() {
        let mut object = Map::new();
        put_bytes(&mut object, "key", b"a/b");
        put_bytes(&mut object, "other", b"\xff");
        assert_eq!(Value::from(object).to_string(), r#"{"key":"a/b","other_b64":"/w=="}"#);
    }

    proptest! {
        #[test]
        fn percent_and_back(bytes: Vec<u8>) {
            let text = percent(&bytes);
            prop_assert!(text.is_ascii() && !text.contains([' ', '\n', '"', '=']));
            prop_assert_eq!(unpercent(&text), bytes);
        }
    }
}
