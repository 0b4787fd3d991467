//! Durations as people write them: `48h`, `90m`, `2d`.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration such as 90m, 48h or 2d")]
pub struct InvalidDuration(pub String);

/// Reads `48h`, `90m`, `2d`, `1h 30m`, `15s`, `250ms`. A plain number has no unit and is refused.
///
/// # Errors
/// [`InvalidDuration`], with the text.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    humantime::parse_duration(text.trim()).map_err(|_| InvalidDuration(crate::key::shown(text)))
}

/// The shortest exact way to write a duration that [`parse_duration`] reads back: `48h`, `90m`, `2h 30m`, `15s`.
///
/// Hours are not folded into days: people speak of the 48 hours.
pub fn format_duration(duration: Duration) -> String {
    let total = duration.as_secs();
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    let millis = duration.subsec_millis();
    let mut parts = Vec::new();
    for (amount, unit) in [(hours, "h"), (minutes, "m"), (seconds, "s"), (u64::from(millis), "ms")] {
        if amount > 0 {
            parts.push(format!("{amount}{unit}"));
        }
    }
    if parts.is_empty() { "0s".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_durations_in_many_ways() {
        for (text, seconds) in [("48h", 172_800), ("90m", 5_400), ("2d", 172_800), ("1h 30m", 5_400), (" 15s ", 15)] {
            assert_eq!(parse_duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in ["", "48", "soon", "-1h", "1 fortnight"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0u64..10_000_000_000) {
            let duration = Duration::from_millis(millis);
            proptest::prop_assert_eq!(parse_duration(&format_duration(duration)).unwrap(), duration);
        }
    }
}
