//! From a file's bytes to its text. PowerShell 5 writes UTF-16 with `>` and `Out-File`, and a byte order mark before UTF-8.

use std::fmt;

/// The marks that can begin a text (The Unicode Standard, "Byte Order Mark").
const UTF_8: &[u8] = &[0xEF, 0xBB, 0xBF];
const UTF_16_LITTLE: &[u8] = &[0xFF, 0xFE];
const UTF_16_BIG: &[u8] = &[0xFE, 0xFF];
/// Begins as UTF-16 does, and is looked for first.
const UTF_32_LITTLE: &[u8] = &[0xFF, 0xFE, 0, 0];
const UTF_32_BIG: &[u8] = &[0, 0, 0xFE, 0xFF];

/// Bytes that are no text. Never says what they are: they may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoText {
    /// Neither UTF-8 nor marked as anything else. The first byte that does not fit.
    NotUtf8(usize),
    /// Marked as UTF-16, and cut or broken.
    BrokenUtf16,
    /// UTF-16 without a mark: every second byte of its first characters is 0.
    UnmarkedUtf16,
    /// Marked as UTF-32.
    Utf32,
}

impl fmt::Display for NoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(at) => write!(f, "it is not UTF-8 (byte {at}); save it as UTF-8"),
            Self::BrokenUtf16 => f.write_str("it begins as UTF-16 does, and is cut or broken; save it as UTF-8"),
            Self::UnmarkedUtf16 => f.write_str("it seems to be UTF-16 without a byte order mark; save it as UTF-8"),
            Self::Utf32 => f.write_str("it is UTF-32; save it as UTF-8"),
        }
    }
}

impl std::error::Error for NoText {}

/// Decodes UTF-8, with or without a byte order mark, and UTF-16 with one. The mark is no part of the text.
pub(super) fn decode(bytes: &[u8]) -> Result<String, NoText> {
    if bytes.starts_with(UTF_32_LITTLE) || bytes.starts_with(UTF_32_BIG) {
        return Err(NoText::Utf32);
    }
    if let Some(rest) = bytes.strip_prefix(UTF_16_LITTLE) {
        return utf_16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(UTF_16_BIG) {
        return utf_16(rest, u16::from_be_bytes);
    }
    // TOML and JSON begin with ASCII characters and hold no 0 (RFC 4627, section 3).
    if let [0, 1..=0x7F, ..] | [1..=0x7F, 0, ..] = bytes {
        return Err(NoText::UnmarkedUtf16);
    }
    let mark = if bytes.starts_with(UTF_8) { UTF_8.len() } else { 0 };
    let text = std::str::from_utf8(&bytes[mark..]);
    text.map(str::to_owned).map_err(|error| NoText::NotUtf8(mark + error.valid_up_to()))
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NoText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NoText::BrokenUtf16);
    }
    char::decode_utf16(pairs.iter().copied().map(unit)).collect::<Result<_, _>>().map_err(|_| NoText::BrokenUtf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16_of(text: &str, mark: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(bytes)).collect()
    }

    #[test]
    fn every_marked_encoding_gives_the_same_text() {
        let text = "{\"name\": \"Zoë 🚀\"}";
        let marked = [UTF_8, text.as_bytes()].concat();
        let little = utf_16_of(text, UTF_16_LITTLE, u16::to_le_bytes);
        let big = utf_16_of(text, UTF_16_BIG, u16::to_be_bytes);
        for bytes in [text.as_bytes().to_vec(), marked, little, big] {
            assert_eq!(decode(&bytes).as_deref(), Ok(text));
        }
        assert_eq!(decode(b"").as_deref(), Ok(""));
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        assert_eq!(decode(b"caf\xe9"), Err(NoText::NotUtf8(3)));
        assert_eq!(decode(b"\xef\xbb\xbfcaf\xe9"), Err(NoText::NotUtf8(6)));
        assert_eq!(decode(b"\xff\xfe{"), Err(NoText::BrokenUtf16));
        // A high surrogate alone.
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Err(NoText::BrokenUtf16));
        assert_eq!(decode(b"\xff\xfe\x00\x00{\x00\x00\x00"), Err(NoText::Utf32));
        assert_eq!(decode(b"{\x00}\x00"), Err(NoText::UnmarkedUtf16));
        assert_eq!(decode(b"\x00{\x00}"), Err(NoText::UnmarkedUtf16));
    }
}
