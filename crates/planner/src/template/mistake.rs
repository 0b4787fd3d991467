//! A mistake of a template: where it is, what stands there, and what is allowed.

use std::fmt;

use serde_json::Value as Json;

use super::rules::Rule;

/// A mistake of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The rule that is broken.
    pub rule: Rule,
    /// The JSON path of the value, such as `containerDefinitions[0].privileged`. Empty for a mistake of the whole file.
    pub path: String,
    /// The value, cut, or its kind where it may be long or a secret.
    pub found: String,
    /// The value that is allowed, and why.
    pub allowed: String,
}

impl Mistake {
    pub(super) fn new(rule: Rule, path: String, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { rule, path, found: found.into(), allowed: allowed.into() }
    }

    /// Makes a mistake of the file's shape that one sentence describes.
    pub(super) fn shape(sentence: impl Into<String>) -> Self {
        Self::new(Rule::Shape, String::new(), "", sentence)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.allowed);
        }
        write!(f, "`{}` is {}; allowed: {}", self.path, self.found, self.allowed)?;
        if self.rule.is_from_memory() {
            f.write_str(" (this rule rests on memory: AWS publishes no answer for it)")?;
        }
        Ok(())
    }
}

/// A value in a sentence: texts are cut and quoted, lists and objects are named by their kind.
pub(super) fn shown(value: &Json) -> String {
    /// Long enough to recognise a value, short enough for a sentence.
    const LONGEST: usize = 60;
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => {
            let cut: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
            let rest = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
            format!("\"{cut}{rest}\"")
        }
        Json::Array(list) if list.is_empty() => "an empty list".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
