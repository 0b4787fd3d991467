//! Forms of EC2's protocol that break one rule of a model each, as [`Models::spoil`] makes bodies of awsJson.

use std::collections::BTreeSet;

use crate::form::parameter;
use crate::model::{ModelError, Models, Operation, Shape, Type};
use crate::violation::{Kind, member};

/// A form with one fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpoiledForm {
    /// The parameter that is wrong, without the numbers of lists.
    pub path: String,
    /// The rule that is broken.
    pub kind: Kind,
    /// The body.
    pub body: String,
}

type Pairs = Vec<(String, String)>;

/// A part of a parameter's name, with what it stands for.
struct Stop<'a> {
    /// As it is written: `Filter.1`.
    name: String,
    /// As violations name it: `Filter[]`.
    path: String,
    shape: &'a Shape,
}

impl Models {
    /// Every way to break one rule in a correct form: an unknown parameter, a required one left out, a text in the place of a
    /// list, a list in the place of a text, a value of another type, one outside an enumeration or a range.
    ///
    /// # Errors
    /// If the model of the operation cannot be read. An operation that is not in the models has no rule to break.
    pub fn spoil_form(&self, service: &str, form: &str) -> Result<Vec<SpoiledForm>, ModelError> {
        let pairs: Pairs = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let action = pairs.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.as_str());
        let Some(operation) = self.operation(service, action.unwrap_or_default())? else { return Ok(Vec::new()) };
        let input = operation.signature.input.as_ref().and_then(|input| operation.shape(input));
        let Some(input) = input else { return Ok(Vec::new()) };
        let mut faults = Faults { pairs: &pairs, found: BTreeSet::new() };
        faults.structure(&operation, &Stop { name: String::new(), path: String::new(), shape: input });
        for (name, _) in &pairs {
            for stop in stops(&operation, input, name) {
                faults.at(&operation, &stop);
            }
        }
        Ok(faults.found.into_iter().collect())
    }
}

/// What the beginnings of a parameter's name stand for, the longest last.
fn stops<'a>(operation: &'a Operation, input: &'a Shape, name: &str) -> Vec<Stop<'a>> {
    let mut stops: Vec<Stop<'a>> = Vec::new();
    for part in name.split('.') {
        let (before, path, shape) =
            stops.last().map_or(("", "", input), |stop| (stop.name.as_str(), stop.path.as_str(), stop.shape));
        let (reference, path) = match shape.kind {
            Type::Structure => {
                let found = shape.members.iter().find(|(key, member)| parameter(key, member) == part);
                (found.map(|(_, reference)| reference), member(path, part))
            }
            Type::List => (shape.member.as_ref(), format!("{path}[]")),
            _ => (None, String::new()),
        };
        let Some(shape) = reference.and_then(|reference| operation.shape(reference)) else { break };
        stops.push(Stop { name: member(before, part), path, shape });
    }
    stops
}

struct Faults<'a> {
    pairs: &'a Pairs,
    found: BTreeSet<SpoiledForm>,
}

impl Faults<'_> {
    fn add(&mut self, path: &str, kind: Kind, pairs: &Pairs) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.found.insert(SpoiledForm { path: path.to_owned(), kind, body });
    }

    /// The form without a parameter and its parts, and with this one in its place.
    fn replaced(&self, name: &str, with: Option<(String, &str)>) -> Pairs {
        let parts = format!("{name}.");
        let others = self.pairs.iter().filter(|(other, _)| other != name && !other.starts_with(&parts));
        others.cloned().chain(with.map(|(name, value)| (name, value.to_owned()))).collect()
    }

    fn structure(&mut self, operation: &Operation, stop: &Stop<'_>) {
        let mut more = self.pairs.clone();
        more.push((member(&stop.name, "NoSuchParameter"), "text".to_owned()));
        self.add(&member(&stop.path, "NoSuchParameter"), Kind::UnknownMember, &more);
        for required in &stop.shape.required {
            let Some(reference) = stop.shape.members.get(required) else { continue };
            // A list that is required and empty is missing; a structure's own requirements come with it.
            if operation.shape(reference).is_some() {
                let name = parameter(required, reference);
                let less = self.replaced(&member(&stop.name, &name), None);
                self.add(&member(&stop.path, &name), Kind::MissingMember, &less);
            }
        }
    }

    fn at(&mut self, operation: &Operation, stop: &Stop<'_>) {
        let (name, path, shape) = (stop.name.as_str(), stop.path.as_str(), stop.shape);
        let set = |value: &str| self.replaced(name, Some((name.to_owned(), value)));
        let mut faults = Vec::new();
        match shape.kind {
            Type::Structure => return self.structure(operation, stop),
            Type::List | Type::Map => faults.push((Kind::WrongType, set("text"))),
            kind => {
                faults.push((Kind::WrongType, self.replaced(name, Some((format!("{name}.1"), "text")))));
                match kind {
                    Type::Boolean => faults.push((Kind::WrongType, set("yes"))),
                    Type::Integer | Type::Long => faults.push((Kind::WrongType, set("many"))),
                    _ => {}
                }
                if !shape.values.is_empty() {
                    faults.push((Kind::Enumeration, set("none-of-them")));
                }
                if matches!(kind, Type::Integer | Type::Long) {
                    // The models' bounds are whole numbers and small.
                    let bounds = [shape.min.map(|min| min as i64 - 1), shape.max.map(|max| max as i64 + 1)];
                    faults.extend(bounds.into_iter().flatten().map(|bound| (Kind::Range, set(&bound.to_string()))));
                }
            }
        }
        for (kind, pairs) in faults {
            self.add(path, kind, &pairs);
        }
    }
}
