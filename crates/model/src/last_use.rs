//! What an application says of its last use: the sign that an environment may fall asleep by.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::decode::timestamp;

/// The most bytes an answer may have. The longest that means something has some forty; what is larger is another page.
pub const MAX_LAST_USE_BYTES: usize = 1024;

/// What an application answered to the question when it was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastUse {
    /// So long before the answer.
    Ago(Duration),
    /// At this time, by its own clock.
    At(DateTime<Utc>),
    /// Nothing that could be understood, in a few words without addresses or times.
    Unknown(String),
}

impl LastUse {
    /// Reads the body of an answer: a whole number of seconds (`3600`) or an RFC 3339 time (`2026-11-23T12:00:00Z`), with
    /// white space around it or not. Whatever else there is, is [`LastUse::Unknown`].
    pub fn read(body: &[u8]) -> Self {
        if body.len() > MAX_LAST_USE_BYTES {
            return Self::Unknown(format!("it answers more than {MAX_LAST_USE_BYTES} bytes"));
        }
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        // `u64` alone would read a sign, too.
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let seconds = text.parse().ok().filter(|_| digits).map(|seconds| Self::Ago(Duration::from_secs(seconds)));
        seconds
            .or_else(|| timestamp(text).map(Self::At))
            .unwrap_or_else(|| Self::Unknown("it answers neither seconds nor a time".into()))
    }

    /// What that means, of an answer that came at `now`. A time that is yet to come, and one before the calendar, mean nothing.
    pub fn as_of(self, now: DateTime<Utc>) -> IdleSign {
        let used_at = match self {
            Self::Ago(ago) => TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .ok_or_else(|| "it answers more seconds than there ever were".to_owned()),
            Self::At(at) if at > now => Err("it answers a time that is yet to come".to_owned()),
            Self::At(at) => Ok(at),
            Self::Unknown(why) => Err(why),
        };
        IdleSign { asked_at: now, used_at }
    }
}

/// What is known of the last use of an environment. It may be remembered from an earlier observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleSign {
    /// When the application was asked.
    pub asked_at: DateTime<Utc>,
    /// When it was last used by then; else why nobody knows, in words that stay the same from one look to the next. What
    /// nobody knows counts as used.
    pub used_at: Result<DateTime<Utc>, String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn used(body: &str) -> Result<i64, String> {
        LastUse::read(body.as_bytes()).as_of(now()).used_at.map(|at| (now() - at).num_seconds())
    }

    #[test]
    fn seconds_and_times_are_understood() {
        for (body, ago) in [
            ("0", 0),
            ("3600\n", 3600),
            (" 0042 \r\n", 42),
            ("2027-01-15T08:00:00Z", 0),
            ("2027-01-15T07:59:00.5Z\n", 59),
            ("2027-01-15T09:00:00+02:00", 3600),
            ("1970-01-01T00:00:00Z", 1_800_000_000),
        ] {
            assert_eq!(used(body), Ok(ago), "{body:?}");
        }
    }

    #[test]
    fn whatever_else_there_is_means_nothing() {
        let neither = "it answers neither seconds nor a time";
        for body in
            ["", " ", "-1", "+1", "1.5", "1e3", "0x10", "12 34", "\"12\"", "{\"idle\": 12}", "soon", "٣", "2027-01-15"]
        {
            assert_eq!(used(body), Err(neither.into()), "{body:?}");
        }
        assert_eq!(used("99999999999999999999999"), Err(neither.into()));
        assert_eq!(used(&u64::MAX.to_string()), Err("it answers more seconds than there ever were".into()));
        assert_eq!(used("2027-01-15T08:00:01Z"), Err("it answers a time that is yet to come".into()));
        assert_eq!(used(&"1".repeat(MAX_LAST_USE_BYTES + 1)), Err("it answers more than 1024 bytes".into()));
        assert_eq!(used(&format!("{}7", " ".repeat(MAX_LAST_USE_BYTES - 1))), Ok(7));
        assert_eq!(LastUse::read(b"\xff\xfe").as_of(now()).used_at, Err(neither.into()));
    }

    proptest! {
        /// No answer panics, and none is of a use that is yet to come.
        #[test]
        fn nothing_is_used_in_the_future(body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..1100),
            "[0-9]{0,22}".prop_map(String::into_bytes),
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})".prop_map(String::into_bytes),
        ]) {
            let sign = LastUse::read(&body).as_of(now());
            prop_assert_eq!(sign.asked_at, now());
            if let Ok(at) = sign.used_at {
                prop_assert!(at <= now());
            }
        }

        #[test]
        fn seconds_are_read_as_they_are_written(seconds in 0u64..4_000_000_000) {
            prop_assert_eq!(LastUse::read(seconds.to_string().as_bytes()), LastUse::Ago(Duration::from_secs(seconds)));
        }
    }
}
