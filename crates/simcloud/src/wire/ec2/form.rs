//! `application/x-www-form-urlencoded`, as the query protocol flattens lists into it.

use std::collections::BTreeMap;

/// The fields of a form. Of a repeated one the last counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    fields: BTreeMap<String, String>,
}

impl Form {
    /// Reads a form; what is no valid escape is taken as it stands.
    pub(crate) fn read(body: &[u8]) -> Self {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let fields = pairs.map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut part = || unescape(parts.next().unwrap_or_default());
            (part(), part())
        });
        Self { fields: fields.collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Every parameter with its value.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `Name.1`, `Name.2`, … in the order of their numbers.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let mut items: Vec<(u32, &str)> = self
            .fields
            .iter()
            .filter_map(|(key, value)| {
                let number = key.strip_prefix(name)?.strip_prefix('.')?;
                Some((number.parse().ok()?, value.as_str()))
            })
            .collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, value)| value).collect()
    }

    /// What was asked, without where in the answer the caller is.
    pub(super) fn fingerprint(&self) -> String {
        let paging = ["NextToken", "MaxResults"];
        let asked = self.fields.iter().filter(|(key, _)| !paging.contains(&key.as_str()));
        let text: Vec<String> = asked.map(|(key, value)| format!("{key}={value}")).collect();
        crate::model::scope::digest(text.join("&").as_bytes())
    }
}

fn unescape(text: &[u8]) -> String {
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match (byte, hex(text.get(at)), hex(text.get(at + 1))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 2;
            }
            (b'+', _, _) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read_in_the_order_of_their_numbers() {
        let form = Form::read(b"Action=X&Id.10=c&Id.2=b&Id.1=a%20%2B+z&Id.x=no");
        assert_eq!(form.list("Id"), ["a + z", "b", "c"]);
        assert_eq!(form.get("Action"), Some("X"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let form = Form::read(&bytes);
            form.list("Filter");
            form.fingerprint();
        }
    }
}
