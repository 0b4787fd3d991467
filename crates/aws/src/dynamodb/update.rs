//! An UpdateItem, put together attribute by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::Value;

use super::value::to_attribute;

/// The attribute that holds the map of the machinery.
pub(super) const STATUS: &str = "status";
/// Its entry that counts the writes of the controller.
pub(super) const REVISION: &str = "revision";

/// Expressions with placeholders for every name and value, since names such as `status` are reserved words
/// (developer guide, "Reserved words in DynamoDB").
#[derive(Debug, Default)]
pub(super) struct Update {
    set: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Update {
    /// Sets (`Some`) or removes (`None`) an attribute.
    ///
    /// # Errors
    /// A sentence for a value of a type that cannot be written.
    pub(super) fn put(&mut self, attribute: &str, value: Option<&Value>) -> Result<(), String> {
        let Some(value) = value else {
            let name = self.name(attribute);
            self.remove.push(name);
            return Ok(());
        };
        let value = to_attribute(value).ok_or_else(|| format!("{attribute} cannot hold {value}"))?;
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
        Ok(())
    }

    /// Adds one to a number, beginning with 0.
    pub(super) fn count(&mut self, attribute: &str) {
        let name = self.name(attribute);
        let (none, one) = (self.value(AttributeValue::N("0".into())), self.value(AttributeValue::N("1".into())));
        self.set.push(format!("{name} = if_not_exists({name}, {none}) + {one}"));
    }

    /// On the condition that the attribute is there.
    pub(super) fn require_existing(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.conditions.push(format!("attribute_exists({name})"));
    }

    /// On the condition that a path holds exactly this, or is not there.
    pub(super) fn require(&mut self, path: &[&str], expected: Option<AttributeValue>) {
        let path: Vec<String> = path.iter().map(|part| self.name(part)).collect();
        let path = path.join(".");
        let condition = match expected {
            Some(value) => format!("{path} = {}", self.value(value)),
            None => format!("attribute_not_exists({path})"),
        };
        self.conditions.push(condition);
    }

    /// The update expression.
    pub(super) fn expression(&self) -> String {
        let section = |keyword: &str, parts: &[String]| {
            if parts.is_empty() { String::new() } else { format!("{keyword} {} ", parts.join(", ")) }
        };
        (section("SET", &self.set) + &section("REMOVE", &self.remove)).trim_end().to_owned()
    }

    /// The condition expression, if there are conditions.
    pub(super) fn condition(&self) -> Option<String> {
        (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "))
    }

    fn name(&mut self, attribute: &str) -> String {
        if let Some((placeholder, _)) = self.names.iter().find(|(_, name)| *name == attribute) {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_names_each_attribute_once() {
        let mut update = Update::default();
        update.put("phase", Some(&Value::String("Ready".into()))).unwrap();
        update.put("url", None).unwrap();
        update.put(STATUS, Some(&Value::Null)).unwrap();
        update.require(&[STATUS, REVISION], None);
        update.require(&["generation"], Some(AttributeValue::N("3".into())));
        assert_eq!(update.expression(), "SET #n0 = :v0, #n2 = :v1 REMOVE #n1");
        assert_eq!(update.condition().unwrap(), "attribute_not_exists(#n2.#n3) AND #n4 = :v2");
        assert_eq!(update.names.len(), 5);
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let mut update = Update::default();
        let sentence = update.put("flags", Some(&Value::Other("newer"))).unwrap_err();
        assert_eq!(sentence, "flags cannot hold a value of type newer");
    }

    #[test]
    fn counting_alone_is_an_update() {
        let mut update = Update::default();
        update.count("generation");
        assert_eq!(update.expression(), "SET #n0 = if_not_exists(#n0, :v0) + :v1");
        assert_eq!(update.condition(), None);
    }
}
