//! Records as the last commit without a ledger of spending (e3acecf) wrote them. They were dumped from the embedded cloud
//! with the AWS protocol, one item a file, named by pull request and phase. This release reads them with nothing lost.

use std::path::Path;

use bivouac_model::{Item, Phase, STATUS_ATTRIBUTES, Value, encode_status};

#[path = "golden/items.rs"]
mod items;

fn items() -> Vec<(String, Item)> {
    items::items(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))
}

#[test]
fn records_of_the_release_before_are_read_with_nothing_lost() {
    for (name, item) in items() {
        let record = items::record(&item);
        let status = record.status.unwrap_or_else(|| panic!("{name} has no status"));
        assert!(status.knows_its_phase() && status.machinery.foreign.is_none(), "{name}: {status:#?}");
        assert!(!status.machinery.booked, "{name}: no release before had a ledger");
        assert_eq!(record.desired.is_err(), status.phase == Phase::Invalid, "{name}");
        // Written back unchanged, it is the same, attribute by attribute.
        for (attribute, value) in encode_status(&status) {
            let before = item.get(attribute).cloned().map(with_messages);
            assert_eq!(value, before, "{name}: {attribute}");
        }
    }
}

/// The same with the message of every condition, which that release left out where it was empty.
fn with_messages(mut value: Value) -> Value {
    if let Value::Map(status) = &mut value
        && let Some(Value::List(conditions)) = status.get_mut("conditions")
    {
        for condition in conditions {
            if let Value::Map(condition) = condition {
                condition.entry("message".to_owned()).or_insert_with(|| Value::String(String::new()));
            }
        }
    }
    value
}

#[test]
fn every_phase_is_among_them() {
    let items = items();
    let found: Vec<&str> = items.iter().filter_map(|(_, item)| item["phase"].as_str()).collect();
    for phase in Phase::ALL {
        // On the embedded cloud both last no longer than one reconcile, which writes what comes after them.
        let is_brief = matches!(phase, Phase::Pending | Phase::Starting);
        assert!(is_brief || found.contains(&phase.as_str()), "{phase}: {found:?}");
    }
    assert!(
        items.iter().all(|(_, item)| STATUS_ATTRIBUTES.iter().filter(|name| item.contains_key(**name)).count() > 6)
    );
}
