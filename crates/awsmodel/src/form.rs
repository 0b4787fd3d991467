//! A call of EC2's query protocol against its input shape.

use std::collections::BTreeMap;

use crate::constraint;
use crate::model::{Operation, Patterns, Reference, Shape, Type};
use crate::violation::{Findings, Kind, member, shown};

/// The parameters of a form as a tree: `Filter.1.Value.2` is the child `2` of the child `Value` of …
#[derive(Debug, Default)]
pub(crate) struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    /// Reads a form.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut root = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let node = name.split('.').fold(&mut root, |node, part| node.children.entry(part.to_owned()).or_default());
            node.value = Some(value.into_owned());
        }
        root
    }

    /// The value of a parameter at the top.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.children.get(name)?.value.as_deref()
    }
}

/// The parameters of every call, beside the members of its input.
const OF_THE_PROTOCOL: [&str; 2] = ["Action", "Version"];

/// A form of EC2's protocol.
pub(crate) struct Form<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) patterns: &'a Patterns,
}

impl Form<'_> {
    /// Checks all parameters.
    pub(crate) fn check(&self, root: &Node, found: &mut Findings<'_>) {
        let given = root.children.iter().filter(|(name, _)| !OF_THE_PROTOCOL.contains(&name.as_str()));
        let given: Vec<_> = given.map(|(name, node)| (name.as_str(), node)).collect();
        match self.operation.signature.input.as_ref().and_then(|input| self.operation.shape(input)) {
            Some(shape) => self.structure(shape, &given, "", found),
            None => {
                given.iter().for_each(|(name, _)| found.add(name, Kind::UnknownMember, "the operation takes nothing"))
            }
        }
    }

    fn structure(&self, shape: &Shape, given: &[(&str, &Node)], path: &str, found: &mut Findings<'_>) {
        for (name, node) in given {
            let path = member(path, name);
            match shape.members.iter().find(|(key, member)| parameter(key, member) == *name) {
                None => found.add(&path, Kind::UnknownMember, "the shape has no such parameter"),
                Some((_, reference)) => self.value(reference, node, &path, found),
            }
        }
        for name in &shape.required {
            let wanted = shape.members.get(name).map_or_else(|| name.clone(), |member| parameter(name, member));
            if !given.iter().any(|(name, _)| *name == wanted) {
                found.add(&member(path, &wanted), Kind::MissingMember, "the parameter is required");
            }
        }
    }

    fn value(&self, reference: &Reference, node: &Node, path: &str, found: &mut Findings<'_>) {
        let Some(shape) = self.operation.shape(reference) else {
            found.add(path, Kind::Protocol, format!("the model has no shape {}", reference.shape));
            return;
        };
        match (shape.kind, &node.value) {
            (Type::Structure | Type::List | Type::Map, Some(value)) => {
                found.add(path, Kind::WrongType, format!("{:?} stands for a structure or list", shown(value)));
            }
            (Type::Structure, None) => {
                let given: Vec<_> = node.children.iter().map(|(name, node)| (name.as_str(), node)).collect();
                self.structure(shape, &given, path, found);
            }
            // EC2 has no maps, and every list is flattened.
            (Type::List | Type::Map, None) => self.list(shape, node, path, found),
            (_, Some(value)) if node.children.is_empty() => {
                constraint::written(shape, self.patterns, value, path, found);
            }
            _ => found.add(path, Kind::WrongType, "the parameter has parts and stands for one value"),
        }
    }

    fn list(&self, shape: &Shape, node: &Node, path: &str, found: &mut Findings<'_>) {
        constraint::length(shape, node.children.len(), "items", path, found);
        // `1`, `2`, … without a gap. The map sorts `10` before `2`, so membership decides.
        if let Some(gap) = (1..=node.children.len()).find(|number| !node.children.contains_key(&number.to_string())) {
            found.add(path, Kind::Protocol, format!("the list has no item {gap}"));
        }
        let path = format!("{path}[]");
        if let Some(reference) = &shape.member {
            node.children.values().for_each(|item| self.value(reference, item, &path, found));
        }
    }
}

/// The parameter of a member: its `queryName`, or its `locationName` with a capital, or its name (botocore's
/// `EC2Serializer`).
pub(crate) fn parameter(key: &str, member: &Reference) -> String {
    if let Some(name) = &member.query_name {
        return name.clone();
    }
    let Some(name) = &member.location_name else { return key.to_owned() };
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
