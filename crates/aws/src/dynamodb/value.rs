//! Between the SDK's attribute values and the neutral ones of the model.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::{Item, ItemKey, Value};

/// The attribute values of an item as the SDK has them.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// The hash key of the table of environments.
pub(super) const REPO: &str = "repo";
/// Its range key.
pub(super) const PR: &str = "pr";

/// Reads an attribute.
pub(super) fn from_attribute(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(number) => Value::Number(number.clone()),
        AttributeValue::Bool(yes) => Value::Bool(*yes),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(list) => Value::List(list.iter().map(from_attribute).collect()),
        AttributeValue::M(map) => {
            Value::Map(map.iter().map(|(name, value)| (name.clone(), from_attribute(value))).collect())
        }
        AttributeValue::B(bytes) => Value::Binary(bytes.as_ref().to_vec()),
        AttributeValue::Ss(texts) => Value::StringSet(texts.clone()),
        AttributeValue::Ns(numbers) => Value::NumberSet(numbers.clone()),
        AttributeValue::Bs(blobs) => Value::BinarySet(blobs.iter().map(|bytes| bytes.as_ref().to_vec()).collect()),
        // The enum may grow: a type that DynamoDB did not have when the SDK was built.
        _ => Value::Other("unknown"),
    }
}

/// Writes an attribute. `None` if its type is newer than the SDK, since a [`Value`] does not hold its content.
pub(super) fn to_attribute(value: &Value) -> Option<AttributeValue> {
    Some(match value {
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.clone()),
        Value::Bool(yes) => AttributeValue::Bool(*yes),
        Value::Null => AttributeValue::Null(true),
        Value::List(list) => AttributeValue::L(list.iter().map(to_attribute).collect::<Option<_>>()?),
        Value::Map(map) => AttributeValue::M(
            map.iter().map(|(name, value)| Some((name.clone(), to_attribute(value)?))).collect::<Option<_>>()?,
        ),
        Value::Binary(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::StringSet(texts) => AttributeValue::Ss(texts.clone()),
        Value::NumberSet(numbers) => AttributeValue::Ns(numbers.clone()),
        Value::BinarySet(blobs) => AttributeValue::Bs(blobs.iter().map(|bytes| Blob::new(bytes.clone())).collect()),
        Value::Other(_) => return None,
    })
}

/// What a value counts towards the size of its item, in bytes (DynamoDB developer guide, "DynamoDB Item sizes and
/// formats"): a number takes about a byte for two digits and one more, a list or map three and one for each entry.
pub(super) fn size(attribute: &AttributeValue) -> usize {
    let number = |digits: &str| digits.len().div_ceil(2) + 1;
    match attribute {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => number(digits),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|digits| number(digits)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|bytes| bytes.as_ref().len()).sum(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>(),
        _ => 1,
    }
}

/// Reads an item.
pub(super) fn from_attributes(attributes: &Attributes) -> Item {
    attributes.iter().map(|(name, value)| (name.clone(), from_attribute(value))).collect()
}

/// The key of an item; `None` when it lacks it, which the table's key schema rules out.
pub(super) fn item_key(attributes: &Attributes) -> Option<ItemKey> {
    let repo = attributes.get(REPO)?.as_s().ok()?;
    let pr = attributes.get(PR)?.as_n().ok()?;
    Some(ItemKey { repo: repo.as_str().into(), pr: pr.as_str().into() })
}

/// The key as a request carries it.
pub(super) fn key_attributes(key: &ItemKey) -> Attributes {
    HashMap::from([
        (REPO.to_owned(), AttributeValue::S(key.repo.to_string())),
        (PR.to_owned(), AttributeValue::N(key.pr.to_string())),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            ".{0,20}".prop_map(Value::String),
            any::<i64>().prop_map(|number| Value::Number(number.to_string())),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Binary),
            prop::collection::vec(".{1,4}", 1..4).prop_map(Value::StringSet),
            prop::collection::vec(any::<i64>().prop_map(|number| number.to_string()), 1..4).prop_map(Value::NumberSet),
            prop::collection::vec(prop::collection::vec(any::<u8>(), 1..4), 1..4).prop_map(Value::BinarySet),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::btree_map(".{1,8}", inner, 0..6).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            prop_assert_eq!(to_attribute(&value).map(|attribute| from_attribute(&attribute)), Some(value));
        }
    }

    #[test]
    fn types_that_are_newer_than_the_sdk_are_never_written() {
        assert_eq!(to_attribute(&Value::Map(BTreeMap::from([("a".into(), Value::Other("newer"))]))), None);
    }

    #[test]
    fn a_key_survives_both_ways() {
        let key = ItemKey { repo: "apache/superset".into(), pr: "-1.5".into() };
        assert_eq!(item_key(&key_attributes(&key)), Some(key));
        assert_eq!(item_key(&Attributes::new()), None);
    }
}
