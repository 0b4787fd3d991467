//! The hidden first line by which our comment is found again.
//!
//! It is no secret, and anybody can copy it: a comment is ours only if the marker *and* the author are.

use std::fmt::Write as _;

use bivouac_model::EnvKey;

/// The marker of an environment's comment, the whole first line. Two instances of the controller have different ones.
pub(crate) fn marker(instance: &str, key: &EnvKey) -> String {
    format!("<!-- bivouac:{}:{key} -->", percent(instance))
}

/// A name, percent-encoded but for letters, digits, `.` and `_`: nothing in it can end an HTML comment, its field, or a
/// value of a query.
pub(crate) fn percent(instance: &str) -> String {
    let mut name = String::with_capacity(instance.len());
    for byte in instance.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name
}

/// Whether a comment's first line is this marker and nothing else.
pub(crate) fn is_marked(body: &str, marker: &str) -> bool {
    body.lines().next().is_some_and(|line| line.trim_end() == marker)
}
