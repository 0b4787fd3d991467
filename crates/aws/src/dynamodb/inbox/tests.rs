//! The forms of the items, and what a cancelled transaction means.

use proptest::prelude::*;

use super::*;

fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
    codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
}

fn told(codes: &[&str]) -> String {
    let cancelled = Error::new(Meaning::Conflict, TRANSACT_WRITE_ITEMS.name, "cancelled");
    match explain(&reasons(codes), cancelled) {
        Refusal::Remembered => "remembered".into(),
        Refusal::NameRemembered => "name remembered".into(),
        Refusal::Busy(_) => "busy".into(),
        Refusal::Failed(error) => error.meaning().as_str().into(),
    }
}

#[test]
fn what_cancels_a_transaction_has_its_meaning() {
    for (codes, meaning) in [
        (["ConditionalCheckFailed", "None"], "remembered"),
        (["ConditionalCheckFailed", "TransactionConflict"], "remembered"),
        (["TransactionConflict", "None"], "busy"),
        (["None", "TransactionConflict"], "busy"),
        (["TransactionConflict", "ValidationError"], "invalid"),
        (["ThrottlingError", "None"], "throttled"),
        (["None", "ProvisionedThroughputExceeded"], "throttled"),
        (["AccessDenied", "None"], "denied"),
        (["SomethingNew", "None"], "unavailable"),
        (["None", "None"], "conflict"),
    ] {
        assert_eq!(told(&codes), meaning, "{codes:?}");
    }
    assert_eq!(told(&["None", "None", "ConditionalCheckFailed"]), "name remembered");
    assert_eq!(told(&["ConditionalCheckFailed", "None", "ConditionalCheckFailed"]), "remembered");
}

proptest! {
    #[test]
    fn a_letter_is_read_back_as_it_was_put(
        id in ".{1,40}", content in ".{0,200}", seconds in 0..4_000_000_000_i64, nanos in 0..1_000_000_000_u32,
    ) {
        let received_at = DateTime::from_timestamp(seconds, nanos).unwrap();
        let letter = Letter { id, received_at, content };
        let (memory, item) = items(&letter);
        prop_assert_eq!(memory.get(LETTER), item.get(AT));
        prop_assert_eq!(decode(&item), Some(letter));
        prop_assert_eq!(decode(&memory), None);
    }
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_sent() {
    let letter = |id: usize, content: usize| Letter {
        id: "i".repeat(id),
        received_at: DateTime::UNIX_EPOCH,
        content: "c".repeat(content),
    };
    for (letter, fits) in [
        (letter(1, 0), true),
        (letter(MOST_ID_BYTES, MOST_BYTES), true),
        (letter(1, MOST_BYTES + 1), false),
        (letter(MOST_ID_BYTES + 1, 0), false),
        (letter(0, 0), false),
    ] {
        assert_eq!(check(&letter).map_err(|error| error.meaning()), if fits { Ok(()) } else { Err(Meaning::Invalid) });
    }
}
