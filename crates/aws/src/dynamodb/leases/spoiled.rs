//! An item of the table of leases as a lease, whatever somebody made of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::ContentHash;
use bivouac_ports::LeaseView;

use super::{HOLDER, PERIOD, RENEWED_AT, VERSION};
use crate::dynamodb::value::{Attributes, from_attribute};

/// The attributes that a lease is made of. Each renewal writes all of them.
pub(super) const OURS: [&str; 4] = [HOLDER, VERSION, PERIOD, RENEWED_AT];
/// The longest period that the configuration allows (`controller.lease`). No release writes a longer one, so one that is
/// longer says nothing about its holder.
const LONGEST_PERIOD: Duration = Duration::from_secs(300);
/// The largest whole number that every reader of JSON keeps exact. A lease of 3 s that is renewed five times in a period
/// reaches it after a hundred million years, so a larger one is none of ours.
const LARGEST_VERSION: u64 = 1 << 53;
/// Words of spoiled items are at least this and less than twice this: above every version that counting reached by now
/// (at two renewals a second it takes 17,000 years), and far below the largest one. Counting goes on from the word, so no
/// write that is still under way names the new version.
const FIRST_WORD: u64 = 1 << 40;
/// The most characters of an attribute in a message. Ours: enough to find it again in the table.
const LONGEST_QUOTE: usize = 80;
/// Who holds a lease whose item does not tell.
const UNKNOWN: &str = "(unknown)";

/// The item as a lease. One that cannot be read is held by an unknown holder.
pub(super) fn view(item: &Attributes) -> LeaseView {
    let mut wrong: Vec<String> = Vec::new();
    let mut says = |name: &str, wants: &str| {
        let holds = item.get(name).map_or("nothing".to_owned(), |value| from_attribute(value).to_string());
        let holds: String = holds.chars().filter(|c| !c.is_control()).take(LONGEST_QUOTE).collect();
        wrong.push(format!("`{name}` has to be {wants} and is {holds}"));
    };
    let version = version_of(item);
    if version.is_none() {
        says(VERSION, "a whole number (N)");
    }
    let holder = match item.get(HOLDER) {
        // It was given back, unless the rest says otherwise.
        None => version.is_none().then(|| UNKNOWN.to_owned()),
        Some(AttributeValue::S(holder)) if !holder.is_empty() => Some(holder.clone()),
        Some(_) => {
            says(HOLDER, "a text (S) or nothing");
            Some(UNKNOWN.to_owned())
        }
    };
    let period = item.get(PERIOD).and_then(|period| from_attribute(period).as_u64()).map(Duration::from_millis);
    let period = period.filter(|period| *period <= LONGEST_PERIOD);
    if period.is_none() {
        says(PERIOD, "milliseconds (N), five minutes at the most,");
    }
    LeaseView {
        holder,
        version: version.unwrap_or_else(|| word(item)),
        // Claimants wait for their own period at least.
        period: period.unwrap_or_default(),
        spoiled: (!wrong.is_empty()).then(|| wrong.join("; ")),
    }
}

/// The version, if it can be one.
pub(super) fn version_of(item: &Attributes) -> Option<u64> {
    from_attribute(item.get(VERSION)?).as_u64().filter(|version| *version <= LARGEST_VERSION)
}

/// Whether a version may be the word of a spoiled item.
pub(super) fn may_be_word(version: u64) -> bool {
    (FIRST_WORD..2 * FIRST_WORD).contains(&version)
}

/// A number that changes when the content of the item does.
pub(super) fn word(item: &Attributes) -> u64 {
    let parts = OURS.map(|name| item.get(name).map_or_else(|| "-".to_owned(), text));
    let hash = ContentHash::of(parts.iter().map(String::as_bytes));
    let digits = hash
        .as_str()
        .bytes()
        .take(16)
        .fold(0_u64, |word, digit| word << 4 | u64::from(char::from(digit).to_digit(16).unwrap_or_default()));
    FIRST_WORD + digits % FIRST_WORD
}

/// The content of an attribute as text, the same at each reading: DynamoDB keeps no order in sets and maps.
fn text(value: &AttributeValue) -> String {
    let sorted = |mut texts: Vec<String>| {
        texts.sort_unstable();
        texts.join(",")
    };
    match value {
        AttributeValue::B(bytes) => format!("B{:?}", bytes.as_ref()),
        AttributeValue::Ss(texts) => format!("SS{}", sorted(texts.clone())),
        AttributeValue::Ns(numbers) => format!("NS{}", sorted(numbers.clone())),
        AttributeValue::Bs(all) => {
            format!("BS{}", sorted(all.iter().map(|bytes| format!("{:?}", bytes.as_ref())).collect()))
        }
        value => format!("{:?}", from_attribute(value)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use proptest::prelude::*;

    use super::*;

    fn attribute() -> impl Strategy<Value = AttributeValue> {
        let leaf = prop_oneof![
            ".{0,12}".prop_map(AttributeValue::S),
            any::<i64>().prop_map(|number| AttributeValue::N(number.to_string())),
            prop_oneof![Just("1e30"), Just("-0.5"), Just("18446744073709551615"), Just("9007199254740993")]
                .prop_map(|number| AttributeValue::N(number.into())),
            (0..40_u64).prop_map(|number| AttributeValue::N(number.to_string())),
            any::<bool>().prop_map(AttributeValue::Bool),
            Just(AttributeValue::Null(true)),
            prop::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| AttributeValue::B(Blob::new(bytes))),
            prop::collection::btree_set("[a-z]{1,4}", 1..4)
                .prop_map(|texts| AttributeValue::Ss(texts.into_iter().collect())),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(AttributeValue::L),
                prop::collection::hash_map("[a-z]{1,3}", inner, 0..3).prop_map(AttributeValue::M),
            ]
        })
    }

    fn item() -> impl Strategy<Value = Attributes> {
        let each = || prop::option::of(attribute());
        (each(), each(), each(), each()).prop_map(|(holder, version, period, renewed_at)| {
            let all = [(HOLDER, holder), (VERSION, version), (PERIOD, period), (RENEWED_AT, renewed_at)];
            all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
        })
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_a_lease_that_can_be_claimed(item in item(), other in item()) {
            let lease = view(&item);
            prop_assert!(lease.period <= LONGEST_PERIOD && lease.version <= LARGEST_VERSION);
            prop_assert_eq!(&view(&item.clone()), &lease, "the same item is the same lease");
            // Only what a holder gave back may be claimed at once.
            let readable = version_of(&item).is_some();
            prop_assert_eq!(lease.holder.is_none(), readable && !item.contains_key(HOLDER));
            prop_assert_eq!(may_be_word(lease.version) && !readable, !readable);
            prop_assert!(lease.spoiled.is_some() || readable);
            if !readable && version_of(&other).is_none() {
                let same = OURS.iter().all(|name| item.get(*name) == other.get(*name));
                prop_assert_eq!(word(&item) == word(&other), same);
            }
        }
    }

    #[test]
    fn a_lease_of_ours_is_what_it_says_and_a_spoiled_one_is_explained() {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let sound: Attributes = [
            (HOLDER.to_owned(), AttributeValue::S("host-7".into())),
            (VERSION.to_owned(), number(41)),
            (PERIOD.to_owned(), number(15_000)),
        ]
        .into();
        let period = Duration::from_secs(15);
        let expected = LeaseView { holder: Some("host-7".into()), version: 41, period, spoiled: None };
        assert_eq!(view(&sound), expected);
        let mut long = sound.clone();
        // A million years.
        long.insert(PERIOD.to_owned(), number(31_557_600_000_000_000));
        let lease = view(&long);
        assert_eq!((lease.version, lease.period), (41, Duration::ZERO));
        assert!(lease.spoiled.is_some_and(|why| why.starts_with("`period_ms` has to be milliseconds")));
        let mut text = sound;
        text.insert(VERSION.to_owned(), AttributeValue::S("junk".into()));
        let lease = view(&text);
        assert_eq!(lease.holder.as_deref(), Some("host-7"));
        assert!(lease.spoiled.is_some_and(|why| why.starts_with("`version` has to be a whole number (N) and is")));
    }
}
