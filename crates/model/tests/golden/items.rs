//! Items as files in the JSON of the AWS protocol.

use std::collections::BTreeMap;
use std::path::Path;

use bivouac_model::{Item, ItemKey, Record, Value, decode_record};
use serde_json::Value as Json;

/// From the JSON of the AWS protocol.
fn value(json: &Json) -> Value {
    let (kind, content) = json.as_object().and_then(|map| map.iter().next()).expect("one type");
    let text = || content.as_str().expect("a text").to_owned();
    match kind.as_str() {
        "S" => Value::String(text()),
        "N" => Value::Number(text()),
        "BOOL" => Value::Bool(content.as_bool().expect("a truth")),
        "NULL" => Value::Null,
        "L" => Value::List(content.as_array().expect("a list").iter().map(value).collect()),
        "M" => Value::Map(entries(content)),
        other => panic!("no such type: {other}"),
    }
}

fn entries(json: &Json) -> BTreeMap<String, Value> {
    json.as_object().expect("a map").iter().map(|(name, json)| (name.clone(), value(json))).collect()
}

/// All items of a directory, by the names of their files.
pub fn items(directory: &Path) -> Vec<(String, Item)> {
    let files = std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file").path());
    let mut items: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a text");
            let json = serde_json::from_str(&text).expect("JSON");
            (path.file_stem().expect("a name").to_string_lossy().into_owned(), entries(&json))
        })
        .collect();
    items.sort_by(|one, other| one.0.cmp(&other.0));
    items
}

/// The record that an item holds.
pub fn record(item: &Item) -> Record {
    let (Value::String(repo), Value::Number(pr)) = (&item["repo"], &item["pr"]) else { panic!("a key") };
    decode_record(ItemKey { repo: repo.as_str().into(), pr: pr.as_str().into() }, item)
}
