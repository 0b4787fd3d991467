//! The value of an attribute, without the SDK.

use std::collections::BTreeMap;
use std::fmt;

/// A DynamoDB attribute value. The contract uses no binary and no set type. They are kept as they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// S.
    String(String),
    /// N, as the decimal text that DynamoDB sends.
    Number(String),
    /// BOOL.
    Bool(bool),
    /// NULL.
    Null,
    /// L.
    List(Vec<Value>),
    /// M.
    Map(BTreeMap<String, Value>),
    /// B.
    Binary(Vec<u8>),
    /// SS.
    StringSet(Vec<String>),
    /// NS, as decimal texts.
    NumberSet(Vec<String>),
    /// BS.
    BinarySet(Vec<Vec<u8>>),
    /// A type that is newer than this program, by its name. Its content is not known.
    Other(&'static str),
}

impl Value {
    /// The text of an S.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an N that is a whole, non-negative one.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(text) => shortest_decimal(text)?.parse().ok(),
            _ => None,
        }
    }

    /// The entries of an M.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    /// As a sentence shows it: `"soon"`, `-5`, `true`, `a list of 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "\"{}\"", crate::key::shown(text)),
            Self::Number(text) => f.write_str(&crate::key::shown(text)),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Null => f.write_str("null"),
            Self::List(list) => write!(f, "a list of {}", list.len()),
            Self::Map(map) => write!(f, "a map of {}", map.len()),
            Self::Binary(_) => f.write_str("a value of type B"),
            Self::StringSet(_) => f.write_str("a value of type SS"),
            Self::NumberSet(_) => f.write_str("a value of type NS"),
            Self::BinarySet(_) => f.write_str("a value of type BS"),
            Self::Other(name) => write!(f, "a value of type {name}"),
        }
    }
}

/// The shortest decimal form of a DynamoDB number: `1.50` → `1.5`, `1E3` → `1000`, `-0` → `0`.
///
/// DynamoDB holds 38 digits and magnitudes up to 1E126
/// (developer guide, "Supported data types and naming rules"); a text outside of that is `None`.
pub(crate) fn shortest_decimal(text: &str) -> Option<String> {
    /// Larger exponents cannot come out of DynamoDB.
    const MAX_EXPONENT: i64 = 130;
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let plain = !digits.is_empty() && digits.len() <= 200 && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || exponent.abs() > MAX_EXPONENT {
        return None;
    }
    // The value is 0.DIGITS × 10^point.
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let point = i64::try_from(whole.len()).ok()? + exponent - i64::try_from(leading).ok()?;
    let digits = digits.trim_matches('0');
    if digits.is_empty() {
        return Some("0".into());
    }
    let length = i64::try_from(digits.len()).ok()?;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let body = if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        format!("{digits}{}", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        format!("{whole}.{fraction}")
    };
    Some(if negative { format!("-{body}") } else { body })
}

#[cfg(test)]
mod tests {
    use super::shortest_decimal;

    #[test]
    fn numbers_take_their_shortest_form() {
        for (text, short) in [
            ("1", "1"),
            ("1.50", "1.5"),
            ("1E3", "1000"),
            ("-0", "0"),
            ("0.0010", "0.001"),
            ("-12.5e1", "-125"),
            ("5e-3", "0.005"),
            ("007", "7"),
            ("1.0", "1"),
        ] {
            assert_eq!(shortest_decimal(text).as_deref(), Some(short), "{text}");
        }
        for bad in ["", "-", "1e", "abc", "1.2.3", "1e999"] {
            assert_eq!(shortest_decimal(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_form_is_a_fixed_point(number in -1.0e9f64..1.0e9) {
            let short = shortest_decimal(&number.to_string()).unwrap();
            proptest::prop_assert_eq!(shortest_decimal(&short), Some(short.clone()));
            proptest::prop_assert_eq!(short.parse::<f64>().unwrap(), number);
        }
    }
}
