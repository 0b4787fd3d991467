//! Which records of the stream are news.

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record};
use bivouac_model::{ItemKey, STATUS_ATTRIBUTES};

use super::update::{REVISION, STATUS};
use super::value::{PR, REPO};

type Image = HashMap<String, AttributeValue>;

/// The key of a stream record that somebody else than the controller caused; `None` for the controller's own.
///
/// The controller writes its own attributes alone and counts the revision of the status with each write. Everything else
/// is news: also a write that takes the status away, and one of which the images are missing.
pub(super) fn news(record: &Record) -> Option<ItemKey> {
    let change = record.dynamodb()?;
    let key = key(change.keys()?)?;
    let own = match (change.old_image(), change.new_image()) {
        (Some(old), Some(new)) => written_by_controller(old, new),
        _ => false,
    };
    (!own).then_some(key)
}

fn key(keys: &Image) -> Option<ItemKey> {
    let repo = keys.get(REPO)?.as_s().ok()?;
    let pr = keys.get(PR)?.as_n().ok()?;
    Some(ItemKey { repo: repo.as_str().into(), pr: pr.as_str().into() })
}

fn written_by_controller(old: &Image, new: &Image) -> bool {
    let theirs = |name: &String| !STATUS_ATTRIBUTES.contains(&name.as_str());
    let untouched = |one: &Image, other: &Image| {
        one.iter().filter(|(name, _)| theirs(name)).all(|(name, value)| other.get(name) == Some(value))
    };
    let counted = revision(new).is_some() && revision(new) != revision(old);
    counted && untouched(old, new) && untouched(new, old)
}

fn revision(image: &Image) -> Option<&AttributeValue> {
    image.get(STATUS)?.as_m().ok()?.get(REVISION)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::types::StreamRecord;
    use bivouac_model::STATUS_ATTRIBUTES;
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    fn keys() -> Image {
        Image::from([(REPO.into(), text("a/b")), (PR.into(), AttributeValue::N("1".into()))])
    }

    fn image(tag: &str, phase: &str, revision: Option<u64>) -> Image {
        let mut image = keys();
        image.insert("image_tag".into(), text(tag));
        image.insert("phase".into(), text(phase));
        if let Some(revision) = revision {
            let entry = (REVISION.to_owned(), AttributeValue::N(revision.to_string()));
            image.insert(STATUS.into(), AttributeValue::M([entry].into()));
        }
        image
    }

    fn record(old: Option<Image>, new: Option<Image>) -> Record {
        let change = StreamRecord::builder().set_keys(Some(keys())).set_old_image(old).set_new_image(new).build();
        Record::builder().dynamodb(change).build()
    }

    #[test]
    fn the_controllers_own_writes_are_no_news() {
        let first = record(Some(image("t", "", None)), Some(image("t", "Pending", Some(1))));
        let second = record(Some(image("t", "Pending", Some(1))), Some(image("t", "Ready", Some(2))));
        assert_eq!((news(&first), news(&second)), (None, None));
    }

    #[test]
    fn everything_else_is() {
        let seen = || Some(image("t", "Ready", Some(2)));
        for (what, old, new) in [
            ("created", None, Some(image("t", "", None))),
            ("deleted", seen(), None),
            ("another tag", seen(), Some(image("u", "Ready", Some(2)))),
            ("another tag in the same write as a status", seen(), Some(image("u", "Ready", Some(3)))),
            ("overwritten without its status", seen(), Some(image("t", "Ready", None))),
            ("a phase written by hand", seen(), Some(image("t", "Asleep", Some(2)))),
            ("no images", None, None),
        ] {
            assert_eq!(news(&record(old, new)).map(|key| key.to_string()).as_deref(), Some("a/b#1"), "{what}");
        }
    }

    proptest! {
        #[test]
        fn an_attribute_of_a_client_makes_news_whatever_else_changed(
            name in "[a-z_]{1,12}",
            own in prop::collection::vec(prop::sample::select(STATUS_ATTRIBUTES.to_vec()), 0..5),
        ) {
            prop_assume!(!STATUS_ATTRIBUTES.contains(&name.as_str()));
            let mut new = image("t", "Ready", Some(3));
            for attribute in own.into_iter().filter(|attribute| *attribute != STATUS) {
                new.insert(attribute.into(), text("changed"));
            }
            let old = image("t", "Ready", Some(2));
            prop_assert_eq!(news(&record(Some(old.clone()), Some(new.clone()))), None);
            new.insert(name, text("a client's"));
            prop_assert!(news(&record(Some(old), Some(new))).is_some());
        }
    }
}
