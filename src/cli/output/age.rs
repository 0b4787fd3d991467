//! Spans of time as kubectl words them.

use chrono::{DateTime, TimeDelta, Utc};

/// `90s`, `5m30s`, `123m`, `3h12m`, `26h`, `3d4h`, `12d`: two units while the second one matters
/// (Kubernetes apimachinery, `duration.HumanDuration`).
pub fn human(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |most: i64, unit: &str, least: i64, small: &str| match least {
        0 => format!("{most}{unit}"),
        least => format!("{most}{unit}{least}{small}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

/// `in 3h12m`, or `5m ago` when it is over.
pub fn until(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let span = time - now;
    if span < TimeDelta::zero() { format!("{} ago", human(-span)) } else { format!("in {}", human(span)) }
}

/// `2026-11-23T12:00:00Z`.
pub fn absolute(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_worded_as_kubectl_words_them() {
        for (seconds, text) in [
            (-5, "0s"),
            (90, "90s"),
            (330, "5m30s"),
            (300, "5m"),
            (7_380, "123m"),
            (11_520, "3h12m"),
            (93_600, "26h"),
            (273_600, "3d4h"),
            (1_036_800, "12d"),
        ] {
            assert_eq!(human(TimeDelta::seconds(seconds)), text);
        }
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        assert_eq!(until(now + TimeDelta::hours(3), now), "in 3h");
        assert_eq!(until(now - TimeDelta::minutes(5), now), "5m ago");
    }
}
