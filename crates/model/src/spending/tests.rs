use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn usd(dollars: f64) -> Usd {
    Usd::from_dollars(dollars)
}

fn entry() -> SpendingEntry {
    let spending =
        Spending { cost: usd(7.0), before_month: usd(5.0), hourly: usd(1.0), updated_at: at("2026-11-30T22:00:00Z") };
    SpendingEntry::of(ItemKey { repo: "a/b".into(), pr: "1".into() }, &spending, Some("ada".into()))
}

#[test]
fn an_entry_counts_on_through_the_end_of_its_month() {
    let entry = entry();
    let (november, december) = (entry.month, entry.month.next());
    let now = at("2026-12-01T03:00:00Z");
    assert_eq!((entry.before, entry.spent), (usd(5.0), usd(2.0)));
    assert_eq!(entry.in_month(november, now), usd(4.0));
    assert_eq!(entry.in_month(december, now), usd(3.0));
    assert_eq!(entry.spending().cost_at(now), usd(12.0));

    let closed = entry.closed().unwrap();
    assert_eq!((closed.month, closed.spent, closed.as_of), (november, usd(4.0), november.ends()));
    assert_eq!(closed.in_month(november, now), usd(4.0));
    assert_eq!(closed.in_month(december, now), usd(3.0));
    assert!(closed.spending().agrees(&entry.spending(), now));
    assert_eq!(closed.closed(), None);
    assert_eq!(closed.spending().at(now).before_month, usd(9.0));
}

#[test]
fn a_clock_that_was_set_back_takes_nothing_back() {
    let entry = entry();
    let earlier = entry.as_of - TimeDelta::days(40);
    assert_eq!(entry.spending().at(earlier), entry.spending());
    assert_eq!(entry.spending().cost_at(earlier), usd(7.0));
}

#[test]
fn amounts_that_no_spending_has_count_as_nothing() {
    let spoiled = Spending { cost: usd(-3.0), before_month: usd(8.0), hourly: usd(-1.0), ..entry().spending() };
    let sane = spoiled.sane();
    assert_eq!((sane.cost, sane.before_month, sane.hourly), (Usd::ZERO, Usd::ZERO, Usd::ZERO));
}

proptest! {
    /// However often the entry is brought up to date in between, no cost is lost and none is counted twice.
    #[test]
    fn steps_in_between_change_nothing(
        hours in prop::collection::vec(0..400i64, 1..8), cents in 0..500u32,
    ) {
        let start = Spending {
            cost: usd(1.0), before_month: usd(0.25), hourly: usd(f64::from(cents) / 100.0),
            updated_at: at("2026-10-20T00:00:00Z"),
        };
        let (mut stepped, mut now) = (start, start.updated_at);
        for hours in hours {
            now += TimeDelta::hours(hours);
            stepped = stepped.at(now);
            prop_assert!(stepped.agrees(&start, now), "{stepped:?} {start:?}");
            let entry = SpendingEntry::of(ItemKey { repo: "a/b".into(), pr: "1".into() }, &stepped, None);
            prop_assert!(entry.spending().agrees(&start, now));
            prop_assert_eq!(entry.in_month(Month::of(now), now), stepped.in_month(Month::of(now), now));
        }
    }
}
