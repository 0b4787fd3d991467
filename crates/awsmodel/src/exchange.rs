//! One call and its answer: to which operation they belong, and whether they are as its model says.

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response, header};
use serde_json::Value;

use crate::errors;
use crate::form::{Form, Node};
use crate::json::Json;
use crate::model::{Metadata, ModelError, Models};
use crate::otherwise;
use crate::violation::{Findings, Kind, Side, Violation, shown};
use crate::xml::{self, Xml};

/// The findings about one exchange.
#[derive(Debug)]
pub struct Checked {
    /// botocore's name of the service, or the unknown target's prefix.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Whether the call was answered, and with success.
    pub succeeded: Option<bool>,
    /// Everything that is not as the model says.
    pub violations: Vec<Violation>,
}

/// The identity of a call, by its own headers and parameters.
enum Call<'a> {
    Json { service: &'a str, metadata: &'a Metadata, operation: &'a str },
    Form { service: &'a str, metadata: &'a Metadata, operation: String, form: Node },
    Unknown { service: String, operation: String },
}

impl Models {
    /// Checks a call and, if there is one, its answer. Nothing if the message is no call of AWS (no target and no action).
    ///
    /// # Errors
    /// If the model of the operation cannot be read.
    pub fn check(
        &self,
        request: &Request<Bytes>,
        answer: Option<&Response<Bytes>>,
    ) -> Result<Option<Checked>, ModelError> {
        let Some(call) = self.identify(request) else { return Ok(None) };
        let succeeded = answer.map(|answer| answer.status().is_success());
        let (service, name) = match &call {
            Call::Json { service, operation, .. } => ((*service).to_owned(), (*operation).to_owned()),
            Call::Form { service, operation, .. } => ((*service).to_owned(), operation.clone()),
            Call::Unknown { service, operation } => (service.clone(), operation.clone()),
        };
        let mut asked = Findings::new(&service, &name, Side::Request);
        let mut answered = Findings::new(&service, &name, Side::Answer);
        let operation = match &call {
            Call::Unknown { .. } => None,
            _ => self.operation(&service, &name)?,
        };
        let patterns = self.patterns();
        match (&call, &operation) {
            (Call::Unknown { .. }, _) | (_, None) => {
                asked.add("", Kind::UnknownOperation, "AWS's models have no such operation");
            }
            (Call::Json { metadata, .. }, Some(operation)) => {
                let json = Json { operation, patterns };
                let expected = content_type_of(metadata);
                content_type(request.headers(), &expected, &mut asked);
                json_request(&json, request.body(), &mut asked);
                if let Some(answer) = answer.filter(|_| !operation.answers_with_events()) {
                    content_type(answer.headers(), &expected, &mut answered);
                    json_answer(&json, answer, &mut answered);
                }
            }
            (Call::Form { metadata, form, .. }, Some(operation)) => {
                if form.get("Version") != Some(&metadata.api_version) {
                    asked.add("Version", Kind::Protocol, format!("{:?} is not the model's", form.get("Version")));
                }
                content_type(request.headers(), "application/x-www-form-urlencoded", &mut asked);
                Form { operation, patterns }.check(form, &mut asked);
                if let Some(answer) = answer {
                    content_type(answer.headers(), "text/xml", &mut answered);
                    let text = String::from_utf8_lossy(answer.body());
                    if answer.status().is_success() {
                        Xml { operation, patterns }.check(&name, &text, &mut answered);
                    } else {
                        xml::check_error(&text, &mut answered);
                    }
                }
            }
        }
        let mut violations = asked.into_found();
        violations.append(&mut answered.into_found());
        violations.retain(|violation| !otherwise::aws_does_so(violation));
        Ok(Some(Checked { service, operation: name, succeeded, violations }))
    }

    fn identify<'a>(&'a self, request: &'a Request<Bytes>) -> Option<Call<'a>> {
        if let Some(target) = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()) {
            let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
            return Some(match self.service_of_target(prefix) {
                Some((service, metadata)) => Call::Json { service, metadata, operation },
                None => Call::Unknown { service: prefix.to_owned(), operation: operation.to_owned() },
            });
        }
        let form = Node::read(request.body());
        let operation = form.get("Action")?.to_owned();
        let version = form.get("Version").unwrap_or_default();
        Some(match self.service_of_version(version) {
            Some((service, metadata)) => Call::Form { service, metadata, operation, form },
            None => Call::Unknown { service: format!("Version={version}"), operation },
        })
    }
}

/// `application/x-amz-json-1.1`
fn content_type_of(metadata: &Metadata) -> String {
    format!("application/x-amz-json-{}", metadata.json_version.as_deref().unwrap_or("1.0"))
}

fn content_type(headers: &HeaderMap, expected: &str, found: &mut Findings<'_>) {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind != expected {
        found.add("", Kind::Protocol, format!("the content type is {given:?}, not {expected}"));
    }
}

/// An empty body is an empty structure.
fn json_request(json: &Json<'_>, body: &[u8], found: &mut Findings<'_>) {
    let Some(value) = parse(body, found) else { return };
    match &json.operation.signature.input {
        Some(input) => json.check(input, &value, "", found),
        None if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
        None => found.add("", Kind::UnknownMember, format!("the operation takes nothing: {}", shown(&value))),
    }
}

fn json_answer(json: &Json<'_>, answer: &Response<Bytes>, found: &mut Findings<'_>) {
    let Some(value) = parse(answer.body(), found) else { return };
    if !answer.status().is_success() {
        return json_error(json, answer, &value, found);
    }
    match &json.operation.signature.output {
        Some(output) => json.check(output, &value, "", found),
        None if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
        None => found.add("", Kind::UnknownMember, format!("the operation answers nothing: {}", shown(&value))),
    }
}

/// An error: a name that the operation declares or that is common, with the members of its shape.
fn json_error(json: &Json<'_>, answer: &Response<Bytes>, body: &Value, found: &mut Findings<'_>) {
    let header = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let Some(code) = header.or(body["__type"].as_str()).map(errors::short) else {
        found.add("__type", Kind::MissingMember, "an error has its name there, or in x-amzn-errortype");
        return;
    };
    let mut members = body.as_object().cloned().unwrap_or_default();
    members.remove("__type");
    let declared = json.operation.signature.errors.iter().find_map(|reference| {
        let shape = json.operation.shape(reference)?;
        let name = shape.error.as_ref().and_then(|error| error.code.as_deref()).unwrap_or(&reference.shape);
        (name == code).then_some(shape)
    });
    let is_server = answer.status().is_server_error();
    match declared {
        Some(shape) => {
            // Every SDK reads the message under either spelling, and services send it for shapes that do not declare it
            // (smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html, "Operation error serialization").
            members.retain(|name, value| !(["message", "Message"].contains(&name.as_str()) && value.is_string()));
            let declared = ["message", "Message"].iter().find(|name| shape.members.contains_key(**name));
            if let (Some(declared), Some(text)) = (declared, body.get("message").or_else(|| body.get("Message"))) {
                members.insert((*declared).to_owned(), text.clone());
            }
            json.structure(shape, &members, code, found);
            if shape.fault != is_server {
                let class = if shape.fault { "5xx" } else { "4xx" };
                found.add(code, Kind::Protocol, format!("the status is {}, not {class}", answer.status().as_u16()));
            }
        }
        None if errors::JSON.contains(&code) => {
            // Common errors have no shape. All services spell the one member in one of these ways.
            for name in members.keys().filter(|name| !["message", "Message"].contains(&name.as_str())) {
                found.add(&format!("{code}.{name}"), Kind::UnknownMember, "a common error has a message alone");
            }
        }
        None => {
            let declared: Vec<&str> =
                json.operation.signature.errors.iter().map(|reference| reference.shape.as_str()).collect();
            let listed = declared.join(", ");
            found.add("", Kind::UndeclaredError, format!("{code} is neither a common error nor one of {listed}"));
        }
    }
}

fn parse(body: &[u8], found: &mut Findings<'_>) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(value) => Some(value),
        Err(error) => {
            found.add("", Kind::Protocol, format!("the body is no JSON: {error}"));
            None
        }
    }
}
