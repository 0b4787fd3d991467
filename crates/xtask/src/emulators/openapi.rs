//! Cutting GitHub's OpenAPI description down to the operations that we call.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Changes when what [`trim`] makes of the same input changes, so that nobody keeps an older form of it.
pub const FORM: &str = "1";

/// GitHub's own media type. Octocrab asks for it and GitHub answers with it as well as with plain JSON, but the
/// description names only the latter.
const GITHUB_JSON: &str = "application/vnd.github+json";
const JSON: &str = "application/json";

/// What can be taken over without looking.
const HEAD: [&str; 2] = ["openapi", "info"];

/// The description with only `operations` (lines of `METHOD PATH`; `#` begins a comment) and all that they refer to.
///
/// Everything kept is kept word for word, except that whatever is described as plain JSON is also accepted as GitHub's
/// media type. An operation that the description does not have is an error: we would be calling something that GitHub
/// does not document.
pub fn trim(whole: &Value, operations: &str) -> Result<Value> {
    let mut trimmed = Map::new();
    for key in HEAD {
        let value = whole.get(key).ok_or_else(|| Error::Description(format!("it has no `{key}`")))?;
        trimmed.insert(key.to_owned(), value.clone());
    }
    let mut paths = Map::new();
    for line in operations.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (method, path) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| Error::Description(format!("`{line}` is no METHOD PATH")))?;
        let (method, path) = (method.to_lowercase(), path.trim());
        let item = whole.get("paths").and_then(|paths| paths.get(path));
        let operation = item
            .and_then(|item| item.get(&method))
            .ok_or_else(|| Error::Description(format!("it has no operation `{line}`")))?;
        let kept = paths.entry(path).or_insert_with(|| json!({}));
        kept[&method] = operation.clone();
        if let Some(parameters) = item.and_then(|item| item.get("parameters")) {
            kept["parameters"] = parameters.clone();
        }
    }
    trimmed.insert("paths".to_owned(), Value::Object(paths));
    let mut trimmed = Value::Object(trimmed);
    add_references(whole, &mut trimmed)?;
    accept_github_json(&mut trimmed);
    Ok(trimmed)
}

/// Copies every component that something kept refers to, and what those refer to, until nothing new is found.
fn add_references(whole: &Value, trimmed: &mut Value) -> Result<()> {
    let mut known = BTreeSet::new();
    let mut open = Vec::new();
    references(trimmed, &mut open);
    while let Some(pointer) = open.pop() {
        if !known.insert(pointer.clone()) {
            continue;
        }
        let missing = || Error::Description(format!("it refers to `#{pointer}`, which it does not have"));
        let value = whole.pointer(&pointer).ok_or_else(missing)?;
        references(value, &mut open);
        // `/components/KIND/NAME` is the only form of reference within one OpenAPI document.
        let mut names = pointer.strip_prefix("/components/").ok_or_else(missing)?.splitn(2, '/');
        let (Some(kind), Some(name)) = (names.next(), names.next()) else {
            return Err(missing());
        };
        trimmed["components"][kind][unescaped(name)] = value.clone();
    }
    Ok(())
}

/// The JSON pointers of all references within `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(pointer) = map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) {
                found.push(pointer.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// `~1` is a slash and `~0` a tilde in a JSON pointer (RFC 6901, section 3).
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Wherever a body may be plain JSON, it may be GitHub's.
fn accept_github_json(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(content)) = map.get_mut("content")
                && let Some(json) = content.get(JSON).cloned()
            {
                content.entry(GITHUB_JSON).or_insert(json);
            }
            map.values_mut().for_each(accept_github_json);
        }
        Value::Array(list) => list.iter_mut().for_each(accept_github_json),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Value {
        json!({
            "openapi": "3.0.3",
            "info": { "title": "GitHub" },
            "servers": [{ "url": "https://api.github.com" }],
            "paths": {
                "/user": {
                    "parameters": [{ "$ref": "#/components/parameters/page" }],
                    "get": { "responses": { "200": { "content": { JSON: { "schema": { "$ref": "#/components/schemas/user" } } } } } },
                    "patch": { "responses": { "200": { "$ref": "#/components/responses/unused" } } },
                },
                "/emojis": { "get": { "responses": {} } },
            },
            "components": {
                "parameters": { "page": { "name": "page", "in": "query" } },
                "schemas": {
                    "user": { "properties": { "plan": { "$ref": "#/components/schemas/plan" } } },
                    "plan": { "properties": { "owner": { "$ref": "#/components/schemas/user" } } },
                    "emoji": { "type": "string" },
                },
                "responses": { "unused": {} },
            },
        })
    }

    #[test]
    fn only_what_is_called_and_what_that_needs_is_kept() {
        let trimmed = trim(&description(), "# the only one\n\nGET  /user\n").expect("trims");
        let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&trimmed), ["components", "info", "openapi", "paths"]);
        assert_eq!(names(&trimmed["paths"]), ["/user"]);
        assert_eq!(names(&trimmed["paths"]["/user"]), ["get", "parameters"]);
        assert_eq!(names(&trimmed["components"]), ["parameters", "schemas"]);
        assert_eq!(names(&trimmed["components"]["schemas"]), ["plan", "user"], "a circle of references ends");
    }

    #[test]
    fn githubs_media_type_is_accepted_with_the_same_schema() {
        let trimmed = trim(&description(), "GET /user").expect("trims");
        let content = &trimmed["paths"]["/user"]["get"]["responses"]["200"]["content"];
        assert_eq!(content[GITHUB_JSON], content[JSON]);
        assert!(content[JSON].is_object());
    }

    #[test]
    fn an_operation_that_github_does_not_have_is_an_error() {
        for line in ["GET /users", "DELETE /user", "/user"] {
            let refused = trim(&description(), line).expect_err("not described").to_string();
            assert!(refused.contains(line), "{refused}");
        }
    }

    #[test]
    fn a_reference_to_nothing_is_an_error() {
        let mut broken = description();
        broken["components"]["schemas"].as_object_mut().expect("an object").remove("plan");
        let refused = trim(&broken, "GET /user").expect_err("plan is gone").to_string();
        assert!(refused.contains("#/components/schemas/plan"), "{refused}");
    }
}
