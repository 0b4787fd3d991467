//! The environment as a source of the configuration: `BIVOUAC__AWS__REGION` overrides `aws.region`.
//!
//! Two underscores stand between levels, and case does not matter. Projects are numbered from 0 in the order of the
//! file: `BIVOUAC__PROJECT__0__PORT`. A value is read as its key wants it: a number, a duration, `true`; a list is
//! written with commas (`subnet-1, subnet-2`), or as JSON writes it (`["subnet-1", "subnet-2"]`); an empty value is an
//! empty text or an empty list, not an absent one.

use std::collections::{BTreeMap, BTreeSet};

use figment::value::{Dict, Value};
use figment::{Metadata, Profile, Provider};

use super::key_path::{KeyPath, LEVEL, VARIABLE_PREFIX};
use super::problem::{Place, Problem};

/// What the values that come from here are marked with.
pub(super) const NAME: &str = "environment";

/// The variables of a process, by name.
pub type Variables = BTreeMap<String, String>;

/// The variables that override keys, as a tree.
pub(super) struct Environment(Dict);

impl Environment {
    pub fn new(variables: &Variables) -> Self {
        let mut root = Dict::new();
        for (name, value) in variables {
            if let Some(path) = strip_prefix(name) {
                let path = path.to_lowercase();
                insert(&mut root, &path.split(LEVEL).collect::<Vec<_>>(), value);
            }
        }
        Self(root)
    }
}

fn strip_prefix(name: &str) -> Option<&str> {
    let (head, rest) = name.split_at_checked(VARIABLE_PREFIX.len())?;
    head.eq_ignore_ascii_case(VARIABLE_PREFIX).then_some(rest)
}

fn insert(dict: &mut Dict, path: &[&str], value: &str) {
    match path {
        [] => {}
        [leaf] => drop(dict.insert((*leaf).to_owned(), Value::from(value))),
        [section, rest @ ..] => {
            let entry = dict.entry((*section).to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if !matches!(entry, Value::Dict(..)) {
                *entry = Value::from(Dict::new());
            }
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(NAME)
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        Ok([(Profile::Default, self.0.clone())].into())
    }
}

/// Returns a problem for each variable that names a known key with single underscores, as `BIVOUAC_AWS_CLUSTER` does. It would
/// be ignored.
pub(super) fn misspelled(variables: &Variables, known: &BTreeSet<KeyPath>) -> Vec<Problem> {
    let flat = |name: &str| name.to_lowercase().replace(LEVEL, "_");
    let keys: BTreeMap<String, &KeyPath> = known.iter().map(|path| (flat(&path.variable()), path)).collect();
    let strays = variables.keys().filter(|name| strip_prefix(name).is_none());
    let problem = |name: &String| {
        let path = keys.get(&flat(name))?;
        let sentence = format!("it is not read; the variable of `{path}` is {}", path.variable());
        Some(Problem { place: Place::Variable(name.clone()), sentence })
    };
    strays.filter_map(problem).collect()
}

/// A list as a variable writes it; `None` when it begins as JSON does and is not a list of texts.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
}
