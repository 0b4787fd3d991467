//! A reader of the OpenMetrics text format that refuses what breaks its rules.
//!
//! It holds the part of specification 1.0 that we use: metadata before samples, one block a family, the suffixes of each
//! type, escaped and unique labels, no sample twice, cumulative buckets that end in `+Inf`, and `# EOF` at the end.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a sample.
pub type Labels = BTreeMap<String, String>;

/// A family with its samples.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    pub unit: Option<String>,
    pub samples: Vec<(String, Labels, f64)>,
}

/// All families by name.
#[derive(Debug)]
pub struct Exposition(pub BTreeMap<String, Family>);

impl Exposition {
    /// The value of the sample with this name and exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let samples = self.0.values().flat_map(|family| &family.samples);
        samples.clone().find(|(known, own, _)| known == name && *own == labels).map(|(_, _, value)| *value)
    }

    /// All samples of a name.
    pub fn all(&self, name: &str) -> Vec<(&Labels, f64)> {
        let samples = self.0.values().flat_map(|family| &family.samples);
        samples.filter(|(known, ..)| known == name).map(|(_, labels, value)| (labels, *value)).collect()
    }

    /// Reads a whole exposition, or says which line breaks which rule.
    pub fn parse(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix("# EOF\n").ok_or("it does not end with # EOF")?;
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in body.lines() {
            let wrong = |rule: &str| format!("{rule}: {line}");
            if let Some(metadata) = line.strip_prefix("# ") {
                let mut words = metadata.splitn(3, ' ');
                let (Some(word), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else {
                    return Err(wrong("metadata is a word, a name and a text"));
                };
                if name != current {
                    if families.contains_key(name) {
                        return Err(wrong("a family is one block"));
                    }
                    name.clone_into(&mut current);
                }
                let family = families.entry(current.clone()).or_default();
                if !family.samples.is_empty() {
                    return Err(wrong("metadata comes before samples"));
                }
                match word {
                    "HELP" => rest.clone_into(&mut family.help),
                    "TYPE" => rest.clone_into(&mut family.kind),
                    "UNIT" if name.ends_with(&format!("_{rest}")) => family.unit = Some(rest.to_owned()),
                    _ => return Err(wrong("unknown metadata, or a unit that the name does not end in")),
                }
            } else {
                let (name, labels, value) = sample(line).ok_or_else(|| wrong("not a sample"))?;
                let family = families.get_mut(&current).ok_or_else(|| wrong("a sample before its family"))?;
                let suffix = name.strip_prefix(&current).ok_or_else(|| wrong("a sample of another family"))?;
                if !suffixes(&family.kind).contains(&suffix) {
                    return Err(wrong("a suffix that the type does not have"));
                }
                family.samples.push((name, labels, value));
            }
        }
        for (name, family) in &families {
            check(family).map_err(|rule| format!("{rule}: {name}"))?;
        }
        Ok(Self(families))
    }
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[],
    }
}

/// What holds for a family as a whole.
fn check(family: &Family) -> Result<(), &'static str> {
    if family.help.is_empty() || suffixes(&family.kind).is_empty() {
        return Err("a family has a help and a known type");
    }
    let mut seen = BTreeSet::new();
    let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (name, labels, value) in &family.samples {
        if !seen.insert((name, labels)) {
            return Err("a sample stands there twice");
        }
        if family.kind != "gauge" && *value < 0.0 {
            return Err("what only grows is never negative");
        }
        if name.ends_with("_bucket") {
            let mut series = labels.clone();
            let bound = series.remove("le").ok_or("a bucket has a bound")?;
            let bound =
                if bound == "+Inf" { f64::INFINITY } else { bound.parse().map_err(|_| "a bound is a number")? };
            buckets.entry(series).or_default().push((bound, *value));
        }
    }
    for (series, buckets) in buckets {
        let grows = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let last = buckets.last().copied().unwrap_or_default();
        let count = family.samples.iter().find(|(name, own, _)| name.ends_with("_count") && *own == series);
        if !grows || last.0 != f64::INFINITY || count.map(|(.., count)| *count) != Some(last.1) {
            return Err("buckets are cumulative, and the last one is +Inf with the count");
        }
    }
    Ok(())
}

/// `name{key="value",…} 1.0`, taken apart.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !is_name(key) || labels.insert(key.to_owned(), value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix('}')?;
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    is_name(name).then(|| (name.to_owned(), labels, value))
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => match chars.next()?.1 {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                _ => return None,
            },
            (_, c) => value.push(c),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
