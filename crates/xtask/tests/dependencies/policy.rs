//! What `deny.toml` says of licences, bans and sources.
//!
//! Every key that is not understood here is an error, so that the file never promises more than these tests hold.

use cargo_metadata::semver::VersionReq;
use spdx::Licensee;
use toml_edit::{DocumentMut, Item, TableLike, Value};

/// The rules of the file.
#[derive(Debug, Default)]
pub struct Policy {
    /// `graph.targets`: for which targets the tree is looked at.
    pub targets: Vec<String>,
    /// `licenses.allow`.
    pub allowed: Vec<Licensee>,
    /// `licenses.unused-allowed-license` is `deny`.
    pub unused_licence_is_wrong: bool,
    /// `bans.deny`.
    pub banned: Vec<Ban>,
    /// `bans.wildcards` is `deny`.
    pub wildcard_is_wrong: bool,
    /// `bans.allow-wildcard-paths`.
    pub wildcard_path_is_right: bool,
    /// `sources.unknown-registry` is `deny`.
    pub unknown_registry_is_wrong: bool,
    /// `sources.unknown-git` is `deny`.
    pub unknown_git_is_wrong: bool,
}

/// A crate that must not be in the tree.
#[derive(Debug)]
pub struct Ban {
    /// Its name.
    pub name: String,
    /// Which versions of it.
    pub versions: VersionReq,
    /// Who may depend on it all the same. Without any, nobody may.
    pub wrappers: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Policy {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// A sentence on the first thing that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
        let mut policy = Self::default();
        for (section, item) in file.iter() {
            let table = item.as_table_like().ok_or_else(|| format!("`{section}` is not a table"))?;
            match section {
                "graph" => policy.graph(table)?,
                "licenses" => policy.licences(table)?,
                "bans" => policy.bans(table)?,
                "sources" => policy.sources(table)?,
                // They need the network: the workflow holds them, with cargo-deny.
                "advisories" => {}
                other => return Err(format!("`[{other}]` is not understood here")),
            }
        }
        Ok(policy)
    }

    fn graph(&mut self, table: &dyn TableLike) -> Result<(), String> {
        for (key, item) in table.iter() {
            match key {
                "targets" => self.targets = texts("graph.targets", item)?,
                other => return Err(format!("`graph.{other}` is not understood here")),
            }
        }
        Ok(())
    }

    fn licences(&mut self, table: &dyn TableLike) -> Result<(), String> {
        for (key, item) in table.iter() {
            match key {
                "allow" => {
                    for text in texts("licenses.allow", item)? {
                        let licensee = Licensee::parse(&text).map_err(|error| format!("`{text}`: {error}"))?;
                        self.allowed.push(licensee);
                    }
                }
                "unused-allowed-license" => {
                    self.unused_licence_is_wrong = is_denied(key, item, &["allow", "warn"])?;
                }
                // For the recognition of a licence by its text. Here a crate without an expression is refused.
                "confidence-threshold" => {}
                other => return Err(format!("`licenses.{other}` is not understood here")),
            }
        }
        Ok(())
    }

    fn bans(&mut self, table: &dyn TableLike) -> Result<(), String> {
        for (key, item) in table.iter() {
            match key {
                "multiple-versions" if item.as_str() == Some("allow") => {}
                "wildcards" => self.wildcard_is_wrong = is_denied(key, item, &["allow", "warn"])?,
                "allow-wildcard-paths" => {
                    self.wildcard_path_is_right =
                        item.as_bool().ok_or("`bans.allow-wildcard-paths` is not a boolean")?;
                }
                "deny" => {
                    let list = item.as_array().ok_or("`bans.deny` is not a list")?;
                    self.banned = list.iter().map(Ban::read).collect::<Result<_, _>>()?;
                }
                other => return Err(format!("`bans.{other}`, or its value, is not understood here")),
            }
        }
        Ok(())
    }

    fn sources(&mut self, table: &dyn TableLike) -> Result<(), String> {
        for (key, item) in table.iter() {
            match key {
                "unknown-registry" => self.unknown_registry_is_wrong = is_denied(key, item, &["allow", "warn"])?,
                "unknown-git" => self.unknown_git_is_wrong = is_denied(key, item, &["allow", "warn"])?,
                other => return Err(format!("`sources.{other}` is not understood here")),
            }
        }
        Ok(())
    }
}

impl Ban {
    /// `{ crate = "NAME" }` or `{ name = "NAME", version = "<1" }`, with `wrappers` and `reason`.
    fn read(value: &Value) -> Result<Self, String> {
        let table = value.as_inline_table().ok_or("an entry of `bans.deny` is not a table")?;
        let mut ban =
            Self { name: String::new(), versions: VersionReq::STAR, wrappers: Vec::new(), reason: String::new() };
        for (key, value) in table.iter() {
            let text =
                || value.as_str().map(str::to_owned).ok_or_else(|| format!("`bans.deny`: `{key}` is not a text"));
            match key {
                // cargo-deny reads a version behind an `@` too.
                "crate" | "name" if !text()?.contains(['@', ':']) => ban.name = text()?,
                "version" => ban.versions = text()?.parse().map_err(|error| format!("`bans.deny`: {error}"))?,
                "wrappers" => ban.wrappers = texts("bans.deny.wrappers", &Item::Value(value.clone()))?,
                "reason" => ban.reason = text()?,
                other => return Err(format!("`bans.deny`: `{other}`, or its value, is not understood here")),
            }
        }
        if ban.name.is_empty() { Err("an entry of `bans.deny` names no crate".to_owned()) } else { Ok(ban) }
    }
}

fn texts(key: &str, item: &Item) -> Result<Vec<String>, String> {
    let list = item.as_array().ok_or_else(|| format!("`{key}` is not a list"))?;
    let text =
        |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` holds more than texts"));
    list.iter().map(text).collect()
}

/// `deny`, or one of the other levels.
fn is_denied(key: &str, item: &Item, others: &[&str]) -> Result<bool, String> {
    match item.as_str() {
        Some("deny") => Ok(true),
        Some(level) if others.contains(&level) => Ok(false),
        _ => Err(format!("the value of `{key}` is not understood here")),
    }
}

mod made_up {
    use super::*;

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (text, named) in [
            ("[licenses]\nexceptions = []", "licenses.exceptions"),
            ("[licenses]\nallow = [\"Nonsense-1.0\"]", "Nonsense-1.0"),
            ("[licenses.private]\nignore = true", "licenses.private"),
            ("[bans]\nskip = []", "bans.skip"),
            ("[bans]\nmultiple-versions = \"deny\"", "multiple-versions"),
            ("[bans]\nwildcards = \"perhaps\"", "wildcards"),
            ("[bans]\ndeny = [{ crate = \"a@1\" }]", "crate"),
            ("[bans]\ndeny = [{ crate = \"a\", use-instead = \"b\" }]", "use-instead"),
            ("[bans]\ndeny = [{ reason = \"none\" }]", "names no crate"),
            ("[bans]\ndeny = [\"a\"]", "not a table"),
            ("[sources]\nallow-git = []", "sources.allow-git"),
            ("[graph]\nexclude = []", "graph.exclude"),
            ("[output]\nfeature-depth = 1", "[output]"),
        ] {
            let error = Policy::parse(text).expect_err(text);
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn each_rule_is_read() {
        let policy = Policy::parse(
            "[graph]\ntargets = [\"t\"]\n[advisories]\nignore = []\n[licenses]\nallow = [\"MIT\"]\n\
             unused-allowed-license = \"deny\"\n[bans]\nwildcards = \"deny\"\nallow-wildcard-paths = true\n\
             deny = [{ name = \"a\", version = \"<1\", wrappers = [\"b\"], reason = \"old\" }]\n\
             [sources]\nunknown-registry = \"deny\"\nunknown-git = \"deny\"",
        )
        .expect("it is understood");
        assert!(policy.unused_licence_is_wrong && policy.wildcard_is_wrong && policy.wildcard_path_is_right);
        assert!(policy.unknown_registry_is_wrong && policy.unknown_git_is_wrong);
        assert_eq!((policy.targets, policy.allowed.len()), (vec!["t".to_owned()], 1));
        let [ban] = &policy.banned[..] else { panic!("{:?}", policy.banned) };
        assert_eq!((ban.name.as_str(), ban.versions.to_string().as_str()), ("a", "<1"));
        assert_eq!((ban.wrappers.as_slice(), ban.reason.as_str()), (&["b".to_owned()][..], "old"));
    }
}
