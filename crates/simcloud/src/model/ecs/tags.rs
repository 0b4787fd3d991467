//! Tags and their limits.

use serde::{Deserialize, Serialize};

use super::super::Refusal;

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag {
    #[serde(default)]
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// The tags of one resource, in the order they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Tags(Vec<Tag>);

/// "Tag restrictions" in the ECS developer guide.
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

impl Tags {
    pub(crate) fn new(tags: Vec<Tag>) -> Result<Self, Refusal> {
        let mut all = Self::default();
        all.set(tags)?;
        Ok(all)
    }

    /// Adds or replaces; all or nothing.
    pub(crate) fn set(&mut self, tags: Vec<Tag>) -> Result<(), Refusal> {
        // A call has 50 tags at most, also where it says one twice (the shape `Tags` of ECS's model).
        if tags.len() > MAX_TAGS {
            return Err(too_many());
        }
        let mut merged = self.0.clone();
        for tag in tags {
            check(&tag)?;
            match merged.iter_mut().find(|held| held.key == tag.key) {
                Some(held) => held.value = tag.value,
                None => merged.push(tag),
            }
        }
        if merged.len() > MAX_TAGS {
            return Err(too_many());
        }
        self.0 = merged;
        Ok(())
    }

    pub(crate) fn remove(&mut self, keys: &[String]) {
        self.0.retain(|tag| !keys.contains(&tag.key));
    }

    /// Those of `other` that are not set here are added, as tags are propagated to a task.
    pub(crate) fn inherit(&mut self, other: &Self) {
        for tag in &other.0 {
            if !self.0.iter().any(|held| held.key == tag.key) {
                self.0.push(tag.clone());
            }
        }
    }

    /// Sets one of AWS's own tags, which no caller may set.
    pub(crate) fn manage(&mut self, key: &str, value: &str) {
        self.0.push(Tag { key: key.to_owned(), value: value.to_owned() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The words are from memory.
fn too_many() -> Refusal {
    Refusal::invalid("The maximum number of tags has been exceeded.")
}

fn check(tag: &Tag) -> Result<(), Refusal> {
    let key = &tag.key;
    if key.is_empty() || key.chars().count() > MAX_KEY {
        return Err(Refusal::invalid(format!("Tag keys must be between 1 and {MAX_KEY} characters: '{key}'")));
    }
    if tag.value.chars().count() > MAX_VALUE {
        return Err(Refusal::invalid(format!("Tag values must be at most {MAX_VALUE} characters, key '{key}'")));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Refusal::invalid(format!("Tag keys must not start with 'aws:', which is reserved: '{key}'")));
    }
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if let Some(bad) = key.chars().chain(tag.value.chars()).find(|c| !allowed(*c)) {
        return Err(Refusal::invalid(format!("Tag '{key}' holds a character not allowed: '{bad}'")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> Tag {
        Tag { key: key.to_owned(), value: "v".to_owned() }
    }

    #[test]
    fn fifty_tags_and_no_more() {
        let mut tags = Tags::new((0..50).map(|n| tag(&format!("k{n}"))).collect()).unwrap();
        tags.set(vec![tag("k7")]).unwrap();
        assert!(tags.set(vec![tag("one-more")]).is_err());
        assert!(Tags::new(vec![tag("aws:mine")]).is_err());
        assert!(Tags::new(vec![tag(&"k".repeat(129))]).is_err());
    }
}
