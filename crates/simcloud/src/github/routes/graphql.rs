//! The one thing that GitHub has in GraphQL alone: hiding a comment (`minimizeComment`), and showing it again.
//!
//! A mutation of one field is understood, with its input inline or in variables. What it asks back is answered where the
//! schema's `MinimizeCommentPayload` has it and it is told apart by name here; aliases and fragments are not. Anything else
//! is refused as GitHub refuses a field that does not exist. Requests count against the quota of the REST interface.

use serde_json::{Map, Value, json};

use crate::github::access::Caller;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::Permission;
use crate::github::shape;

/// The enumeration `ReportedContentClassifiers` (docs.github.com/graphql/reference/enums).
const CLASSIFIERS: &[&str] = &["ABUSE", "DUPLICATE", "LOW_QUALITY", "OFF_TOPIC", "OUTDATED", "RESOLVED", "SPAM"];

pub(super) fn execute(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    if matches!(ask.caller, Caller::Anonymous | Caller::App { .. }) {
        let message = "This endpoint requires you to be authenticated.";
        let documentation =
            "https://docs.github.com/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql";
        return Err(Refusal::new(axum::http::StatusCode::UNAUTHORIZED, message, documentation));
    }
    let sent = ask.object()?;
    let Some(query) = sent.get("query").and_then(Value::as_str) else {
        return Err(Refusal::bad_request("A query attribute must be specified and must be a string."));
    };
    let nothing = Map::new();
    let variables = sent.get("variables").and_then(Value::as_object).unwrap_or(&nothing);
    Ok(Reply::ok(match mutation(query, variables) {
        Ok((field, input)) => minimize(ask, query, field, &input).unwrap_or_else(|error| error.body(field)),
        Err(message) => json!({ "errors": [{ "message": message }] }),
    }))
}

/// A refusal in GraphQL's form: status 200 and no data.
struct Fault {
    kind: &'static str,
    message: String,
}

impl Fault {
    fn body(self, field: &str) -> Value {
        json!({
            "data": { field: null },
            "errors": [{ "type": self.kind, "path": [field], "message": self.message }],
        })
    }
}

fn minimize(ask: &mut Ask<'_>, query: &str, field: &str, input: &Map<String, Value>) -> Result<Value, Fault> {
    let subject = input.get("subjectId").and_then(Value::as_str).unwrap_or_default();
    let unknown = || Fault {
        kind: "NOT_FOUND",
        message: format!("Could not resolve to a node with the global id of '{subject}'"),
    };
    let repositories = ask.state.model.repositories();
    let found = repositories
        .flat_map(|at| at.comments.values().map(move |comment| (at, comment)))
        .find(|(_, comment)| shape::node_id("IC", comment.id) == subject);
    let (at, comment) = found.filter(|(at, _)| ask.caller.permission(at) > Permission::None).ok_or_else(unknown)?;
    // The author may, and who can push; a token needs the right to write comments besides.
    let author = ask.caller.login().is_some_and(|login| login.eq_ignore_ascii_case(&comment.author));
    let may = ask.caller.check(at, Need::WriteComments).is_ok();
    if !may || (!author && ask.caller.permission(at) < Permission::Write) {
        let login = ask.caller.login().unwrap_or_default();
        let message = format!("{login} does not have the correct permissions to execute `{field}`");
        return Err(Fault { kind: "FORBIDDEN", message });
    }
    let hidden = match field {
        "unminimizeComment" => None,
        _ => {
            let classifier = input.get("classifier").and_then(Value::as_str).unwrap_or_default();
            let known = CLASSIFIERS.iter().find(|known| **known == classifier).ok_or_else(|| Fault {
                kind: "INVALID",
                message: format!("Expected \"{classifier}\" to be one of: {}", CLASSIFIERS.join(", ")),
            })?;
            Some(*known)
        }
    };
    let (name, id) = (at.full_name(), comment.id);
    if let Some(comment) = ask.state.model.repository_mut(&name).and_then(|at| at.comments.get_mut(&id)) {
        comment.hidden = hidden;
    }
    let mut shown = Map::new();
    for (property, value) in [
        ("isMinimized", json!(hidden.is_some())),
        // "off-topic" for OFF_TOPIC.
        ("minimizedReason", json!(hidden.map(|word| word.to_lowercase().replace('_', "-")))),
    ] {
        if query.contains(property) {
            shown.insert(property.to_owned(), value);
        }
    }
    let mut payload = Map::new();
    if query.contains("clientMutationId") {
        payload.insert("clientMutationId".to_owned(), input.get("clientMutationId").cloned().unwrap_or_default());
    }
    let comment = if field == "minimizeComment" { "minimizedComment" } else { "unminimizedComment" };
    if query.contains(comment) {
        payload.insert(comment.to_owned(), Value::Object(shown));
    }
    Ok(json!({ "data": { field: payload } }))
}

/// The field of a mutation and its `input`, or what is wrong with the query.
fn mutation(query: &str, variables: &Map<String, Value>) -> Result<(&'static str, Map<String, Value>), String> {
    if !query.trim_start().starts_with("mutation") {
        return Err("Only mutations are answered here".to_owned());
    }
    // What stands before the first brace is the operation's name and the types of its variables.
    let mut words = Words(query.split_once('{').map_or("", |(_, rest)| rest));
    let field = match words.next() {
        "minimizeComment" => "minimizeComment",
        "unminimizeComment" => "unminimizeComment",
        other => return Err(format!("Field '{other}' doesn't exist on type 'Mutation'")),
    };
    for expected in ["(", "input", ":"] {
        let found = words.next();
        if found != expected {
            return Err(format!("Expected \"{expected}\", actual: \"{found}\""));
        }
    }
    match words.value(variables, MOST_NESTED)? {
        Value::Object(input) => Ok((field, input)),
        other => Err(format!("Argument 'input' on Field '{field}' has an invalid value ({other})")),
    }
}

/// How deep a value may be nested. The inputs here have one level; this bounds the recursion.
const MOST_NESTED: u8 = 8;

/// The words of a query. Commas and blanks mean the same in GraphQL.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> &'a str {
        let text = self.0.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
        let length = match text.chars().next() {
            None => 0,
            Some('"') => {
                let mut escaped = false;
                let end = text.char_indices().skip(1).find(|(_, c)| {
                    let ends = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    ends
                });
                end.map_or(text.len(), |(at, _)| at + 1)
            }
            Some(first) if name(first) => text.find(|c| !name(c)).unwrap_or(text.len()),
            Some(other) => other.len_utf8(),
        };
        let (word, rest) = text.split_at(length);
        self.0 = rest;
        word
    }

    fn value(&mut self, variables: &Map<String, Value>, depth: u8) -> Result<Value, String> {
        let word = self.next();
        if let Some(name) = word.strip_prefix('$') {
            return variables.get(name).cloned().ok_or_else(|| format!("Variable ${name} was not provided"));
        }
        if word.starts_with('"') {
            // Strings of GraphQL are strings of JSON, but for block strings.
            return serde_json::from_str(word).map_err(|_| format!("Parse error on {word}"));
        }
        if word != "{" {
            // An enumeration's value is a bare word.
            return Ok(Value::String(word.to_owned()));
        }
        let mut object = Map::new();
        loop {
            match self.next() {
                "}" => return Ok(Value::Object(object)),
                "" => return Err("Unexpected end of document".to_owned()),
                _ if depth == 0 => return Err("Query is nested too deep".to_owned()),
                name if self.next() == ":" => {
                    object.insert(name.to_owned(), self.value(variables, depth - 1)?);
                }
                name => return Err(format!("Expected \":\" after \"{name}\"")),
            }
        }
    }
}
