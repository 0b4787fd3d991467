//! Filters: every one of them has to hold, by any of its values.

use std::collections::BTreeSet;

use super::Form;
use crate::model::Refusal;

/// "up to 200 filter values in a single call" (EC2, filtering resources).
const MAX_VALUES: usize = 200;

/// The filters of a call.
pub(super) struct Filters {
    all: Vec<(String, Vec<String>)>,
}

impl Filters {
    /// Reads `Filter.n.Name` and `Filter.n.Value.m`.
    pub(super) fn read(form: &Form, known: &BTreeSet<&str>) -> Result<Self, Refusal> {
        let mut all = Vec::new();
        let number = |name: &str| name.strip_prefix("Filter.")?.split('.').next()?.parse::<u32>().ok();
        let numbers: BTreeSet<u32> = form.pairs().filter_map(|(name, _)| number(name)).collect();
        for n in numbers {
            // "The filter 'null' is invalid": public, of DescribeSubnets.
            let name = form.get(&format!("Filter.{n}.Name")).unwrap_or("null");
            if !known.contains(name) && !name.starts_with("tag:") {
                return Err(Refusal::new("InvalidParameterValue", format!("The filter '{name}' is invalid")));
            }
            let values = form.list(&format!("Filter.{n}.Value"));
            if values.is_empty() {
                return Err(Refusal::new("InvalidParameterValue", format!("The filter '{name}' has no values")));
            }
            all.push((name.to_owned(), values.into_iter().map(str::to_owned).collect()));
        }
        if all.iter().map(|(_, values): &(_, Vec<_>)| values.len()).sum::<usize>() > MAX_VALUES {
            return Err(Refusal::new(
                "FilterLimitExceeded",
                format!("The maximum number of filter values specified on a single call is {MAX_VALUES}"),
            ));
        }
        Ok(Self { all })
    }

    /// Whether something with these attributes passes.
    pub(super) fn admit(&self, attribute: impl Fn(&str) -> Vec<String>) -> bool {
        self.all.iter().all(|(name, wanted)| {
            let held = attribute(name);
            wanted.iter().any(|pattern| held.iter().any(|value| matches(pattern, value)))
        })
    }

    /// The values of a filter, if it is there and none of them is a pattern.
    pub(super) fn exact(&self, name: &str) -> Option<Vec<&str>> {
        let (_, values) = self.all.iter().find(|(held, _)| held == name)?;
        let exact = values.iter().all(|value| !value.contains(['*', '?', '\\']));
        exact.then(|| values.iter().map(String::as_str).collect())
    }
}

/// `*` stands for any run of characters, `?` for one; a backslash takes either literally.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on if the present try fails: behind the last star, one character further.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        let (step, hit) = match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some('?') => (1, true),
            Some('\\') => (2, pattern.get(p + 1) == Some(&text[t])),
            Some(c) => (1, *c == text[t]),
            None => (0, false),
        };
        match (hit, retry) {
            (true, _) => (p, t) = (p + step, t + 1),
            (false, Some((after, from))) => {
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            (false, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks() {
        assert!(matches("eni-*", "eni-1"));
        assert!(matches("*b*d", "abcbd"));
        assert!(!matches("a?c", "ac"));
        assert!(matches(r"a\*c", "a*c"));
        assert!(!matches(r"a\*c", "abc"));
    }

    #[test]
    fn an_unknown_filter_and_too_many_values_are_refused() {
        let known = BTreeSet::from(["group-id"]);
        let form = Form::read(b"Filter.1.Name=nonsense&Filter.1.Value.1=a");
        assert_eq!(Filters::read(&form, &known).err().unwrap().code, "InvalidParameterValue");
        let many: String = (1..=201).map(|n| format!("&Filter.1.Value.{n}=v")).collect();
        let form = Form::read(format!("Filter.1.Name=group-id{many}").as_bytes());
        assert_eq!(Filters::read(&form, &known).err().unwrap().code, "FilterLimitExceeded");
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_and_a_star(text in "[a-z0-9-]*") {
            prop_assert!(matches(&text, &text));
            prop_assert!(matches("*", &text));
        }

        #[test]
        fn any_pattern_is_survived(pattern in ".*", text in ".*") {
            matches(&pattern, &text);
        }
    }
}
