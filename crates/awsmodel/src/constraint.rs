//! Enumerations, lengths, ranges and patterns.

use crate::model::{Patterns, Shape, Type};
use crate::violation::{Findings, Kind, shown};

/// Checks a text against its shape: enumeration, length in characters, pattern.
pub(crate) fn text(shape: &Shape, patterns: &Patterns, text: &str, path: &str, found: &mut Findings<'_>) {
    if !shape.values.is_empty() && !shape.values.iter().any(|value| value == text) {
        let listed: Vec<&str> = shape.values.iter().take(8).map(String::as_str).collect();
        let more = if shape.values.len() > listed.len() { ", …" } else { "" };
        found.add(path, Kind::Enumeration, format!("{text:?} is none of {}{more}", listed.join(", ")));
        return;
    }
    length(shape, text.chars().count(), "characters", path, found);
    let Some(pattern) = &shape.pattern else { return };
    if patterns.get(pattern).is_some_and(|regex| !regex.is_match(text)) {
        found.add(path, Kind::Pattern, format!("{:?} does not match {pattern}", shown(text)));
    }
}

/// Checks the number of characters, items or bytes.
pub(crate) fn length(shape: &Shape, length: usize, unit: &str, path: &str, found: &mut Findings<'_>) {
    // No model has a bound that a float cannot hold.
    let (min, max) = (shape.min.unwrap_or(0.0), shape.max.unwrap_or(f64::INFINITY));
    let measured = length as f64;
    if measured < min || measured > max {
        found.add(path, Kind::Length, format!("{length} {unit}, between {min} and {max} are allowed"));
    }
}

/// Checks a number against the bounds of its shape.
pub(crate) fn range(shape: &Shape, number: f64, path: &str, found: &mut Findings<'_>) {
    let (min, max) = (shape.min.unwrap_or(f64::NEG_INFINITY), shape.max.unwrap_or(f64::INFINITY));
    if number < min || number > max {
        found.add(path, Kind::Range, format!("{number}, between {min} and {max} are allowed"));
    }
}

/// Checks a value that the query protocol or XML writes as text.
pub(crate) fn written(shape: &Shape, patterns: &Patterns, value: &str, path: &str, found: &mut Findings<'_>) {
    let expected = match shape.kind {
        Type::String | Type::Character => return text(shape, patterns, value, path, found),
        Type::Boolean if ["true", "false"].contains(&value) => return,
        Type::Boolean => "true or false",
        Type::Integer => match value.parse::<i32>() {
            Ok(number) => return range(shape, f64::from(number), path, found),
            Err(_) => "an integer of 32 bits",
        },
        Type::Long => match value.parse::<i64>() {
            Ok(number) => return range(shape, number as f64, path, found),
            Err(_) => "an integer of 64 bits",
        },
        Type::Float | Type::Double | Type::BigDecimal => match value.parse::<f64>() {
            Ok(number) => return range(shape, number, path, found),
            Err(_) => "a number",
        },
        Type::Timestamp if is_rfc3339(value) => return,
        Type::Timestamp => "a time as RFC 3339 has it",
        Type::Blob => match base64_length(value) {
            Some(bytes) => return length(shape, bytes, "bytes", path, found),
            None => "bytes in base64",
        },
        Type::Structure | Type::List | Type::Map => "a structure, not a text",
    };
    found.add(path, Kind::WrongType, format!("{:?} is not {expected}", shown(value)));
}

/// Whether this is a time like `2026-11-30T12:00:00.123Z`.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let at = |index: usize, byte: u8| text.as_bytes().get(index) == Some(&byte);
    let date = digits(0..4) && at(4, b'-') && digits(5..7) && at(7, b'-') && digits(8..10);
    let time = at(10, b'T') && digits(11..13) && at(13, b':') && digits(14..16) && at(16, b':') && digits(17..19);
    date && time && text.get(19..).is_some_and(|rest| rest.ends_with('Z') || rest.contains(['+', '-']))
}

/// The number of bytes behind a text in base64 (RFC 4648, section 4), or nothing if it is not such a text.
pub(crate) fn base64_length(text: &str) -> Option<usize> {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let allowed = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    (allowed && padding <= 2 && text.len().is_multiple_of(4)).then(|| text.len() / 4 * 3 - padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_bytes_are_recognised() {
        for time in ["2026-11-30T12:00:00Z", "2026-11-30T12:00:00.123Z", "2026-11-30T12:00:00+01:00"] {
            assert!(is_rfc3339(time), "{time}");
        }
        for other in
            ["", "1764504000", "2026-11-30", "2026-11-30 12:00:00Z", "2026-11-30T12:00:00", "ä026-11-30T12:00:00Z"]
        {
            assert!(!is_rfc3339(other), "{other}");
        }
        assert_eq!(base64_length("aGVsbG8="), Some(5));
        assert_eq!(base64_length(""), Some(0));
        assert_eq!((base64_length("aGVsbG8"), base64_length("a===")), (None, None));
    }
}
