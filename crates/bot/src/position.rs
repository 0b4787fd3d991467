//! Which of two commands is the newer one. Deliveries have no order, so the records and the commands themselves tell.

use std::cmp::Ordering;

use bivouac_model::Record;
use chrono::{DateTime, Timelike, Utc};

/// What stands between the page of a pull request and the number of a comment in its address.
const ANCHOR: &str = "#issuecomment-";

/// Where a command stands against what the record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is newer: it counts.
    Newer,
    /// It is the very one that the record holds.
    Same,
    /// A newer one was obeyed already: it loses.
    Older,
}

/// The number of a comment, out of its address.
pub(crate) fn comment_number(url: &str) -> Option<u64> {
    url.split_once(ANCHOR).and_then(|(_, number)| number.parse().ok())
}

/// Where a comment stands. Comments of one pull request go by their numbers; anything else by the time.
pub(crate) fn of_comment(record: Option<&Record>, id: u64, at: DateTime<Utc>, url: &str) -> Standing {
    let Some(wish) = record.and_then(|record| record.desired.as_ref().ok()) else {
        return Standing::Newer;
    };
    let page = |url: &str| url.split_once(ANCHOR).map(|(page, _)| page.to_ascii_lowercase());
    let last = wish.request_url.as_deref();
    let same_page = last.is_some_and(|last| page(last).is_some() && page(last) == page(url));
    match last.filter(|_| same_page).and_then(comment_number) {
        Some(last) => match id.cmp(&last) {
            Ordering::Greater => Standing::Newer,
            Ordering::Equal => Standing::Same,
            Ordering::Less => Standing::Older,
        },
        None if wish.requested_at.is_some_and(|last| whole(at) < last) => Standing::Older,
        None => Standing::Newer,
    }
}

/// Where a label that came or went at a time stands. A record asked for at that very second was asked for by it.
pub(crate) fn of_label(record: Option<&Record>, at: DateTime<Utc>) -> Standing {
    let last = record.and_then(|record| record.desired.as_ref().ok()).and_then(|wish| wish.requested_at);
    match last.map(|last| whole(at).cmp(&whole(last))) {
        None | Some(Ordering::Greater) => Standing::Newer,
        Some(Ordering::Equal) => Standing::Same,
        Some(Ordering::Less) => Standing::Older,
    }
}

/// Whether a record was asked for before this moment. One that does not say when is not.
pub(crate) fn is_from_before(record: &Record, at: DateTime<Utc>) -> bool {
    let asked = record.desired.as_ref().ok().and_then(|wish| wish.requested_at);
    asked.is_some_and(|asked| whole(asked) < whole(at))
}

/// As records hold it.
fn whole(time: DateTime<Utc>) -> DateTime<Utc> {
    time.with_nanosecond(0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use bivouac_model::{DesiredState, ItemKey};

    use super::*;

    const PAGE: &str = "https://github.com/apache/superset/pull/7";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn record(url: Option<&str>, requested_at: Option<i64>) -> Record {
        let wish = DesiredState {
            request_url: url.map(str::to_owned),
            requested_at: requested_at.map(at),
            ..DesiredState::default()
        };
        let key = ItemKey { repo: "apache/superset".into(), pr: "7".into() };
        Record { key, desired: Ok(wish), generation: Some(1), status: None }
    }

    fn standing(record: &Record, id: u64, seconds: i64) -> Standing {
        of_comment(Some(record), id, at(seconds), &format!("{PAGE}#issuecomment-{id}"))
    }

    #[test]
    fn comments_of_one_pull_request_go_by_number() {
        let record = record(Some("https://github.com/Apache/superset/pull/7#issuecomment-50"), Some(1000));
        assert_eq!(standing(&record, 51, 0), Standing::Newer, "whatever the clock said");
        assert_eq!(standing(&record, 50, 2000), Standing::Same);
        assert_eq!(standing(&record, 49, 2000), Standing::Older);
    }

    #[test]
    fn against_anything_else_a_comment_goes_by_time() {
        for url in [None, Some(PAGE), Some("https://github.com/apache/superset/pull/8#issuecomment-99")] {
            let record = record(url, Some(1000));
            assert_eq!(standing(&record, 50, 999), Standing::Older, "{url:?}");
            assert_eq!(standing(&record, 50, 1000), Standing::Newer, "{url:?}");
        }
        assert_eq!(standing(&record(None, None), 50, 0), Standing::Newer);
        assert_eq!(of_comment(None, 50, at(0), ""), Standing::Newer);
    }

    #[test]
    fn what_was_asked_for_in_the_same_second_was_not_asked_before() {
        assert!(is_from_before(&record(None, Some(999)), at(1000)));
        assert!(!is_from_before(&record(None, Some(1000)), at(1000) + chrono::TimeDelta::milliseconds(300)));
        assert!(!is_from_before(&record(None, None), at(1000)));
    }

    #[test]
    fn a_label_goes_by_time() {
        let record = record(None, Some(1000));
        assert_eq!(of_label(Some(&record), at(1001)), Standing::Newer);
        assert_eq!(of_label(Some(&record), at(1000) + chrono::TimeDelta::milliseconds(300)), Standing::Same);
        assert_eq!(of_label(Some(&record), at(999)), Standing::Older);
        assert_eq!(of_label(None, at(0)), Standing::Newer);
    }
}
