//! An answer of EC2 against its output shape.

use roxmltree::{Document, Node};

use crate::constraint;
use crate::errors;
use crate::model::{Operation, Patterns, Reference, Shape, Type};
use crate::violation::{Findings, Kind, member, shown};

/// A document of EC2's protocol.
pub(crate) struct Xml<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) patterns: &'a Patterns,
}

impl Xml<'_> {
    /// Checks the answer of a call that succeeded.
    pub(crate) fn check(&self, name: &str, text: &str, found: &mut Findings<'_>) {
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => return found.add("", Kind::Protocol, format!("the answer is no XML: {error}")),
        };
        let root = document.root_element();
        let expected = format!("{name}Response");
        if root.tag_name().name() != expected {
            found.add("", Kind::Protocol, format!("the root is {}, not {expected}", root.tag_name().name()));
        }
        // The service writes the namespace with a slash at its end, the model without.
        let namespace = root.tag_name().namespace().unwrap_or_default();
        let declared = self.operation.metadata.xml_namespace.as_deref().unwrap_or_default();
        if namespace.trim_end_matches('/') != declared.trim_end_matches('/') {
            found.add("", Kind::Protocol, format!("the namespace is {namespace:?}, not {declared:?}"));
        }
        let (of_protocol, members): (Vec<_>, Vec<_>) =
            elements(root).partition(|element| element.tag_name().name() == "requestId");
        if of_protocol.len() != 1 {
            found.add("requestId", Kind::Protocol, "the answer has no requestId");
        }
        match self.operation.signature.output.as_ref().and_then(|output| self.operation.shape(output)) {
            Some(shape) => self.structure(shape, &members, "", found),
            // An operation without an output answers `<return>true</return>`.
            None => members.iter().filter(|element| element.tag_name().name() != "return").for_each(|element| {
                found.add(element.tag_name().name(), Kind::UnknownMember, "the operation answers nothing");
            }),
        }
    }

    fn structure(&self, shape: &Shape, given: &[Node<'_, '_>], path: &str, found: &mut Findings<'_>) {
        for element in given {
            let name = element.tag_name().name();
            let path = member(path, name);
            match shape.members.iter().find(|(key, member)| self.element(key, member) == name) {
                None => found.add(&path, Kind::UnknownMember, "the shape has no such element"),
                Some((_, reference)) => self.value(reference, *element, &path, found),
            }
        }
        for name in &shape.required {
            let wanted = shape.members.get(name).map_or(name.as_str(), |member| self.element(name, member));
            if !given.iter().any(|element| element.tag_name().name() == wanted) {
                found.add(&member(path, wanted), Kind::MissingMember, "the element is required");
            }
        }
    }

    fn value(&self, reference: &Reference, element: Node<'_, '_>, path: &str, found: &mut Findings<'_>) {
        let Some(shape) = self.operation.shape(reference) else {
            found.add(path, Kind::Protocol, format!("the model has no shape {}", reference.shape));
            return;
        };
        let children: Vec<_> = elements(element).collect();
        let text = element.text().unwrap_or_default();
        match shape.kind {
            Type::Structure | Type::List | Type::Map if !text.trim().is_empty() => {
                found.add(path, Kind::WrongType, format!("{:?} stands for a structure or list", shown(text)));
            }
            Type::Structure => self.structure(shape, &children, path, found),
            Type::List if is_flattened(reference, shape) => {
                if let Some(item) = &shape.member {
                    self.value(item, element, &format!("{path}[]"), found);
                }
            }
            Type::List | Type::Map => self.list(shape, &children, path, found),
            _ if !children.is_empty() => found.add(path, Kind::WrongType, "elements stand for one value"),
            _ => constraint::written(shape, self.patterns, text, path, found),
        }
    }

    fn list(&self, shape: &Shape, items: &[Node<'_, '_>], path: &str, found: &mut Findings<'_>) {
        constraint::length(shape, items.len(), "items", path, found);
        let Some(reference) = &shape.member else { return };
        let path = format!("{path}[]");
        let expected = reference.location_name.as_deref().unwrap_or("member");
        for item in items {
            if item.tag_name().name() == expected {
                self.value(reference, *item, &path, found);
            } else {
                let name = item.tag_name().name();
                found.add(&path, Kind::UnknownMember, format!("the list has an element {name}, not {expected}"));
            }
        }
    }

    /// The element of a member: its `locationName`, and that of its items where a list has no element of its own.
    fn element<'b>(&'b self, key: &'b str, member: &'b Reference) -> &'b str {
        let list = self.operation.shape(member).filter(|shape| shape.kind == Type::List && is_flattened(member, shape));
        let of_items = list.and_then(|list| list.member.as_ref()?.location_name.as_deref());
        of_items.or(member.location_name.as_deref()).unwrap_or(key)
    }
}

/// Checks the answer of a call that failed: `Response`, with one error and the number of the request.
pub(crate) fn check_error(text: &str, found: &mut Findings<'_>) -> Option<String> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            found.add("", Kind::Protocol, format!("the error is no XML: {error}"));
            return None;
        }
    };
    let child = |node: Node<'_, '_>, name: &str| elements(node).any(|element| element.tag_name().name() == name);
    let root = document.root_element();
    let error = document.descendants().find(|node| node.has_tag_name("Error"));
    let errors = error.and_then(|error| error.parent()).filter(|parent| parent.has_tag_name("Errors"));
    if !root.has_tag_name("Response") || errors.and_then(|errors| errors.parent()) != Some(root) {
        found.add("", Kind::Protocol, "an error is Response, Errors, Error");
    }
    if !child(root, "RequestID") {
        found.add("RequestID", Kind::MissingMember, "an error has it");
    }
    let error = error?;
    for name in ["Code", "Message"].into_iter().filter(|name| !child(error, name)) {
        found.add(name, Kind::MissingMember, "an error has it");
    }
    let code = elements(error).find(|element| element.has_tag_name("Code"))?;
    let code = code.text().unwrap_or_default().to_owned();
    if !errors::EC2.contains(&code.as_str()) {
        found.add("", Kind::UndeclaredError, format!("{code} is no error of EC2's reference"));
    }
    Some(code)
}

fn is_flattened(reference: &Reference, shape: &Shape) -> bool {
    reference.flattened || shape.flattened
}

fn elements<'a, 'b>(node: Node<'a, 'b>) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(Node::is_element)
}
