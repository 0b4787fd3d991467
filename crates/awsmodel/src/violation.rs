//! A place where a call or an answer differs from the model.

use std::fmt;

/// The half of an exchange that a violation is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The call: the client's fault.
    Request,
    /// The answer: the emulator's fault.
    Answer,
}

/// The rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The service has no such operation.
    UnknownOperation,
    /// The shape has no such member.
    UnknownMember,
    /// A required member is missing.
    MissingMember,
    /// A value is of another type, or of a form that the type cannot have.
    WrongType,
    /// A union has no member, or several.
    Union,
    /// A value is none of the enumeration.
    Enumeration,
    /// A text, list, map or blob is too short or too long.
    Length,
    /// A number is too small or too large.
    Range,
    /// A text does not match the pattern.
    Pattern,
    /// The error is neither one of the operation's nor one of the protocol's common ones.
    UndeclaredError,
    /// The message is not in the form of the protocol: content type, version, status, document.
    Protocol,
    /// A call that breaks the model was answered with success.
    Accepted,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The service, as botocore names its directory, or the target that names none.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// In the call or in the answer.
    pub side: Side,
    /// The member, as `containerDefinitions[].environment[].value`: without the numbers, so that equal ones are equal.
    pub path: String,
    /// The rule.
    pub kind: Kind,
    /// The expectation and the value.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, operation, side, path, kind, detail } = self;
        let side = match side {
            Side::Request => "request",
            Side::Answer => "answer",
        };
        write!(f, "{service} {operation}, {side}, `{path}`: {kind:?}: {detail}")
    }
}

/// Collects the violations of one half of an exchange.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    service: &'a str,
    operation: &'a str,
    side: Side,
    found: Vec<Violation>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(service: &'a str, operation: &'a str, side: Side) -> Self {
        Self { service, operation, side, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, path: &str, kind: Kind, detail: impl Into<String>) {
        self.found.push(Violation {
            service: self.service.to_owned(),
            operation: self.operation.to_owned(),
            side: self.side,
            path: path.to_owned(),
            kind,
            detail: detail.into(),
        });
    }

    pub(crate) fn into_found(self) -> Vec<Violation> {
        self.found
    }
}

/// The beginning of a value, for a message.
pub(crate) fn shown(value: impl fmt::Display) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The path of a member.
pub(crate) fn member(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
