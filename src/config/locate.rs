//! The file: its values, and where each of them stands.
//!
//! One parser gives both, so that a line number cannot disagree with a value.

use std::collections::BTreeMap;
use std::ops::Range;

use figment::value::{Dict, Empty, Value};
use figment::{Metadata, Profile, Provider};
use toml_edit::{Document, Item, TableLike};

use super::PROJECT;
use super::key_path::KeyPath;
use super::problem::{ConfigErrors, Place};

/// The values of a TOML file, with the projects numbered: `project.0.repo`.
#[derive(Debug)]
pub(super) struct File {
    values: Dict,
    locations: Locations,
}

/// Where each key of a file stands.
#[derive(Clone, Debug)]
pub(super) struct Locations {
    file: String,
    keys: BTreeMap<KeyPath, (usize, usize)>,
}

impl Locations {
    /// Whether the key stands in the file.
    pub fn has(&self, path: &KeyPath) -> bool {
        self.keys.contains_key(path)
    }

    /// Where a key stands; of one that is not in the file, where its section begins.
    pub fn place(&self, path: &KeyPath) -> Place {
        let mut path = Some(path.clone());
        while let Some(at) = path {
            if let Some(&(line, column)) = self.keys.get(&at) {
                return Place::Line { file: self.file.clone(), line, column };
            }
            path = at.parent();
        }
        Place::File(self.file.clone())
    }
}

impl File {
    /// Reads a text; `name` is what the file is called in errors.
    ///
    /// # Errors
    /// The first error of syntax, without the text around it: that could hold a secret.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigErrors> {
        let document = Document::parse(text).map_err(|error| {
            let (line, column) = line_and_column(text, error.span().map_or(0, |span| span.start));
            let place = Place::Line { file: name.into(), line, column };
            ConfigErrors::one(place, format!("it is not TOML: {}", error.message().replace('\n', ", ")))
        })?;
        let mut reading = Reading { text, keys: BTreeMap::new() };
        let mut values = reading.table(document.as_table(), &KeyPath::default());
        let locations = Locations { file: name.into(), keys: reading.keys };
        match values.remove(PROJECT) {
            // `[project]` for `[[project]]` is an easy slip.
            Some(Value::Dict(..)) => {
                let place = locations.place(&KeyPath::default().join(PROJECT));
                return Err(ConfigErrors::one(place, "there may be several projects: write `[[project]]`"));
            }
            Some(Value::Array(tag, projects)) => {
                let numbered = projects.into_iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect();
                values.insert(PROJECT.into(), Value::Dict(tag, numbered));
            }
            Some(other) => drop(values.insert(PROJECT.into(), other)),
            None => {}
        }
        Ok(Self { values, locations })
    }

    pub fn locations(&self) -> &Locations {
        &self.locations
    }
}

impl Provider for File {
    fn metadata(&self) -> Metadata {
        Metadata::named("file")
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        Ok([(Profile::Default, self.values.clone())].into())
    }
}

struct Reading<'a> {
    text: &'a str,
    keys: BTreeMap<KeyPath, (usize, usize)>,
}

impl Reading<'_> {
    fn table(&mut self, table: &dyn TableLike, path: &KeyPath) -> Dict {
        let mut dict = Dict::new();
        for (name, item) in table.iter() {
            let path = path.join(name);
            let key = table.key(name).and_then(toml_edit::Key::span);
            self.remember(&path, key.or_else(|| item.span()));
            dict.insert(name.to_owned(), self.item(item, &path));
        }
        dict
    }

    fn item(&mut self, item: &Item, path: &KeyPath) -> Value {
        match item {
            Item::None => Value::from(Empty::Unit),
            Item::Value(value) => self.value(value, path),
            Item::Table(table) => Value::from(self.table(table, path)),
            Item::ArrayOfTables(tables) => {
                let list = tables.iter().enumerate().map(|(at, table)| {
                    let path = path.join(&at.to_string());
                    self.remember(&path, table.span());
                    Value::from(self.table(table, &path))
                });
                Value::from(list.collect::<Vec<_>>())
            }
        }
    }

    fn value(&mut self, value: &toml_edit::Value, path: &KeyPath) -> Value {
        match value {
            toml_edit::Value::String(text) => Value::from(text.value().as_str()),
            toml_edit::Value::Integer(number) => Value::from(*number.value()),
            toml_edit::Value::Float(number) => Value::from(*number.value()),
            toml_edit::Value::Boolean(yes) => Value::from(*yes.value()),
            // No key takes a date; this keeps it apart from a text.
            toml_edit::Value::Datetime(_) => Value::from(Empty::Unit),
            toml_edit::Value::Array(list) => {
                let list = list.iter().enumerate().map(|(at, value)| {
                    let path = path.join(&at.to_string());
                    self.remember(&path, value.span());
                    self.value(value, &path)
                });
                Value::from(list.collect::<Vec<_>>())
            }
            toml_edit::Value::InlineTable(table) => Value::from(self.table(table, path)),
        }
    }

    fn remember(&mut self, path: &KeyPath, span: Option<Range<usize>>) {
        if let Some(span) = span {
            self.keys.insert(path.clone(), line_and_column(self.text, span.start));
        }
    }
}

/// Line and column, both from 1, of a byte.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, path: &[&str]) -> String {
        let file = File::parse("b.toml", text).unwrap();
        file.locations.place(&KeyPath(path.iter().map(|s| (*s).to_owned()).collect())).to_string()
    }

    #[test]
    fn every_key_has_its_line_and_column() {
        let text = "[aws]\nregion = 'é'\n  cluster = 1\n[[project]]\nrepo = 'a/b'\n[[project]]\nport = { x = 1 }\n";
        assert_eq!(place(text, &["aws", "region"]), "b.toml:2:1");
        assert_eq!(place(text, &["aws", "cluster"]), "b.toml:3:3");
        assert_eq!(place(text, &["project", "1"]), "b.toml:6:1");
        assert_eq!(place(text, &["project", "1", "port", "x"]), "b.toml:7:10");
        assert_eq!(place(text, &["project", "0", "port"]), "b.toml:4:1");
        assert_eq!(place(text, &["github", "token_file"]), "b.toml");
    }

    #[test]
    fn an_error_of_syntax_has_its_place_and_not_its_text() {
        let error = File::parse("b.toml", "[github]\ntoken = \"hunter2\n").unwrap_err().to_string();
        assert!(error.starts_with("b.toml:2:"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
