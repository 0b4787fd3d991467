//! Which of two commands is the newer one. Deliveries have no order, so the records and the commands themselves tell.

use std::cmp::Ordering;

use bivouac_model::{EnvKey, Record};
use chrono::{DateTime, Timelike, Utc};

use crate::letter::Source;

/// What stands between the page of a pull request and the number in the address of a comment or a review.
const ANCHORS: [(&str, Source); 2] = [("#issuecomment-", Source::Comment), ("#pullrequestreview-", Source::Review)];

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

/// A comment or a review, by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The page of its pull request, in lower case.
    page: String,
    /// Which of the two it is.
    pub source: Source,
    /// Its number.
    pub number: u64,
}

impl Address {
    pub fn read(url: &str) -> Option<Self> {
        ANCHORS.into_iter().find_map(|(anchor, source)| {
            let (page, number) = url.split_once(anchor)?;
            Some(Self { page: page.to_ascii_lowercase(), source, number: number.parse().ok()? })
        })
    }

    /// Whether it is the address of this text on this pull request.
    pub fn names(&self, key: &EnvKey, source: Source, number: u64) -> bool {
        let (repo, pr) = (key.repo.as_str().to_ascii_lowercase(), key.pr);
        let is_page = ["pull", "issues"].iter().any(|kind| self.page.ends_with(&format!("/{repo}/{kind}/{pr}")));
        is_page && self.source == source && self.number == number
    }
}

/// The number of a comment, out of its address.
pub(crate) fn comment_number(url: &str) -> Option<u64> {
    Address::read(url).filter(|address| address.source == Source::Comment).map(|address| address.number)
}

/// Returns the last comment that a record followed, where it stands on the same page as this one and is of the other kind: of a
/// comment and a review the numbers say nothing.
pub(crate) fn of_other_kind(record: Option<&Record>, url: &str) -> Option<Address> {
    let last = record?.desired.as_ref().ok()?.request_url.as_deref().and_then(Address::read)?;
    let this = Address::read(url)?;
    (last.page == this.page && last.source != this.source).then_some(last)
}

/// Where a text stands against one of the other kind, by the times of both. At the same second a review is the older one, so that
/// two texts have one order, whichever is handled first.
pub(crate) fn by_time(source: Source, at: DateTime<Utc>, last: DateTime<Utc>) -> Standing {
    match whole(at).cmp(&whole(last)) {
        Ordering::Greater => Standing::Newer,
        Ordering::Equal if source == Source::Comment => Standing::Newer,
        Ordering::Equal | Ordering::Less => Standing::Older,
    }
}

/// Where a comment stands. Comments of one pull request go by their numbers, and so do reviews; anything else by the time.
pub(crate) fn of_comment(record: Option<&Record>, id: u64, at: DateTime<Utc>, url: &str) -> Standing {
    let Some(wish) = record.and_then(|record| record.desired.as_ref().ok()) else {
        return Standing::Newer;
    };
    let last = wish.request_url.as_deref().and_then(Address::read);
    let is_alike = |last: &Address, this: &Address| last.page == this.page && last.source == this.source;
    match last.zip(Address::read(url)).filter(|(last, this)| is_alike(last, this)) {
        Some((last, _)) => match id.cmp(&last.number) {
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
    fn a_comment_and_a_review_have_one_order() {
        let review = format!("{PAGE}#pullrequestreview-90");
        let after_review = record(Some(&review), Some(1000));
        assert_eq!(of_comment(Some(&after_review), 90, at(2000), &review), Standing::Same);
        let newer = format!("{PAGE}#pullrequestreview-91");
        assert_eq!(of_comment(Some(&after_review), 91, at(2000), &newer), Standing::Newer);
        assert_eq!(of_other_kind(Some(&after_review), &newer), None);
        let comment = format!("{PAGE}#issuecomment-50");
        let last = of_other_kind(Some(&after_review), &comment).unwrap();
        assert_eq!((last.source, last.number), (Source::Review, 90));
        for (first, second) in [(at(1), at(2)), (at(2), at(1)), (at(1), at(1))] {
            let review = by_time(Source::Review, first, second);
            let comment = by_time(Source::Comment, second, first);
            assert_ne!(review, comment, "{first} {second}");
        }
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
