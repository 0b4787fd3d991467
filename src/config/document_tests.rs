//! docs/reference/configuration.md is made from the reference file and from the rules that read it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::locate::File;
use super::reader::Reader;
use super::{Parts, Variables};

const REFERENCE: &str = include_str!("../../deploy/examples/bivouac.reference.toml");
const BEGIN: &str = "<!-- keys:begin -->\n";
const END: &str = "<!-- keys:end -->\n";

/// One line of the reference file.
struct Key {
    name: String,
    value: String,
    meaning: String,
    is_commented: bool,
}

/// A section of the reference file: its heading, the comment above it, and its keys.
struct Section {
    heading: String,
    about: String,
    keys: Vec<Key>,
}

fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut about: Vec<&str> = Vec::new();
    for line in REFERENCE.lines() {
        let bare = line.trim_start_matches("# ");
        if bare.starts_with('[') {
            let heading = bare.trim_matches(['[', ']']).to_owned();
            sections.push(Section { heading, about: std::mem::take(&mut about).join(" "), keys: Vec::new() });
        } else if let Some(key) = key(line) {
            about.clear();
            sections.last_mut().expect("a section before its keys").keys.push(key);
        } else if let Some(comment) = line.strip_prefix("# ") {
            about.push(comment);
        } else {
            about.clear();
        }
    }
    sections
}

fn key(line: &str) -> Option<Key> {
    let (bare, is_commented) = match line.strip_prefix("# ") {
        Some(bare) => (bare, true),
        None => (line, false),
    };
    let (name, rest) = bare.split_once(" = ")?;
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let (value, meaning) = rest.split_once(" #").unwrap_or((rest, ""));
    let [name, value, meaning] = [name, value, meaning].map(|part| part.trim().to_owned());
    Some(Key { name, value, meaning, is_commented })
}

/// The path of a key as the reader names it.
fn path(heading: &str, name: &str) -> String {
    match heading {
        "project" => format!("project[0].{name}"),
        "bot.commands.pin" => format!("bot.commands.pin.{name}"),
        heading => format!("{heading}.{name}"),
    }
}

fn document(allowed: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for section in sections() {
        let heading = match section.heading.as_str() {
            "project" => "[[project]]".to_owned(),
            "sizes.small" => "[sizes.NAME]".to_owned(),
            "bot.commands.pin" => "[bot.commands.NAME]".to_owned(),
            heading => format!("[{heading}]"),
        };
        writeln!(text, "\n## `{heading}`\n").expect("a text");
        if !section.about.is_empty() {
            writeln!(text, "{}\n", section.about).expect("a text");
        }
        if section.heading == "aws.tags" {
            continue;
        }
        writeln!(text, "| key | default | allowed | meaning |\n|---|---|---|---|").expect("a text");
        for key in &section.keys {
            let allowed = allowed.get(&path(&section.heading, &key.name)).map_or("", String::as_str);
            let (default, meaning) = default_and_meaning(key);
            let cell = |text: &str| text.replace('|', "\\|");
            let row = [format!("`{}`", key.name), default, cell(allowed), cell(&meaning)];
            writeln!(text, "| {} |", row.join(" | ")).expect("a text");
        }
    }
    text.trim_start().to_owned()
}

fn default_and_meaning(key: &Key) -> (String, String) {
    if let Some(meaning) = key.meaning.strip_prefix("required: ") {
        return ("required".to_owned(), meaning.to_owned());
    }
    if let Some(meaning) = key.meaning.strip_prefix("no default; ") {
        return ("–".to_owned(), meaning.to_owned());
    }
    if let Some(meaning) = key.meaning.strip_prefix("no default: ") {
        return ("–".to_owned(), meaning.to_owned());
    }
    // The rule of one command inherits.
    let default = if key.is_commented { "as `[bot]`".to_owned() } else { format!("`{}`", key.value) };
    (default, key.meaning.clone())
}

#[test]
fn the_document_shows_every_key_with_its_default_and_the_allowed_values() {
    let with_a_command = format!("{REFERENCE}\n[bot.commands.pin]\n");
    let reader = Reader::new(File::parse("bivouac.toml", &with_a_command).expect("TOML"), &Variables::new());
    let _ = Parts::read(&reader, Path::new(""));
    let made = document(&reader.allowed());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/configuration.md");
    let text = std::fs::read_to_string(&path).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("the document marks where the keys begin");
    let (shown, after) = rest.split_once(END).expect("the document marks where the keys end");
    if std::env::var_os("BIVOUAC_RENEW").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).expect("written");
    } else {
        assert_eq!(shown, made, "BIVOUAC_RENEW=1 makes it again");
    }
}
