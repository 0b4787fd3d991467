//! Secrets in the lines of a log are masked before anybody else sees them.
//!
//! A log may hold any secret in any form, so this is a second line of defence: the first is `logs_in_comments = "never"`.

use std::sync::LazyLock;

use bivouac_model::{DesiredState, LogExcerpt};
use regex::{Captures, Regex, RegexSet};

/// What stands in place of a secret.
const MASK: &str = "***";

/// The shortest value that is masked wherever it occurs. Ours: shorter ones are words of every log, such as `1` and `no`.
const SHORTEST: usize = 4;

/// The lines that are read beside those that are shown. Ours: a private key of 4,096 bits has 52 lines, and where only its end
/// is shown, its beginning says what it is.
pub const MASK_CONTEXT: usize = 100;

/// What names of secrets hold, in small letters.
const SECRET_WORDS: [&str; 12] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "api_key",
    "private_key",
    "access_key",
    "dsn",
];

/// Returns whether the name of a variable looks like that of a secret.
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(['-', '.'], "_");
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// A secret by its own form: the whole match is masked.
const FORMS: [&str; 8] = [
    // "Unique identifiers", IAM user guide.
    r"\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|ABIA|ACCA|APKA|ASCA)[A-Z0-9]{12,}",
    // "Token formats", GitHub documentation.
    r"\b(?:gh[pousr]_[A-Za-z0-9_]{16,}|github_pat_[A-Za-z0-9_]{16,})",
    // RFC 7519: header and payload are JSON objects, so both begin with `{"` in base64.
    r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?",
    // Slack, GitLab, npm, PyPI, Stripe, Google, SendGrid: the prefixes that each publishes for secret scanning.
    r"\bxox[a-z]-[A-Za-z0-9-]{10,}",
    r"\b(?:glpat-|npm_|pypi-|dop_v1_|sq0csp-)[A-Za-z0-9_-]{16,}",
    r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{10,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bSG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
];

static FORM_PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| FORMS.iter().filter_map(|form| Regex::new(form).ok()).collect());

/// What is masked after something that says so: the first group stays.
const AFTER: [&str; 4] = [
    // `password=…`, `"secret_key": "…"`, `--token …`, `DB_PASSWD: …`.
    r#"(?i)([\w.-]*(?:password|passwd|pwd|passphrase|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|dsn)[\w.-]*\\?["']?\]?\s*(?:=>|[=:])\s*)(\\?"(?:[^"\\]|\\.)*\\?"?|\\?'(?:[^'\\]|\\.)*\\?'?|[^\s,;&]+)"#,
    r"(?i)(--?[\w-]*(?:password|passwd|secret|token|api-?key)[\w-]*\s+)(\S+)",
    // RFC 9110, 11.6.2.
    r"(?i)(\b(?:bearer|basic|digest|negotiate)\s+)([A-Za-z0-9._~+/=-]{6,})",
    // RFC 3986, 3.2.1: `scheme://user:password@host`.
    r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)([^\s/@]+)(@)",
];

static AFTER_PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| AFTER.iter().filter_map(|after| Regex::new(after).ok()).collect());

/// A word of base64 of at least forty letters: an AWS secret access key has forty, a line of a private key 64.
static LONG_WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_=-]{40,}").ok());

/// The first and the last line of a key (RFC 7468, and OpenPGP's), wherever they stand in a line.
static KEY_BOUNDS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----",
        r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----",
    ])
    .ok()
});

/// Masks secrets. Its own contents are never printed.
#[derive(Clone, Default)]
pub struct Mask {
    /// Longest first, so that no rest of a longer one stays.
    values: Vec<String>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} values)", self.values.len())
    }
}

impl Mask {
    /// Masks these values wherever they occur, beside what looks like a secret. Values shorter than four bytes are left out.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let lines = values.into_iter().flat_map(|value| {
            value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST).map(str::to_owned).collect::<Vec<_>>()
        });
        let mut values: Vec<String> = lines.collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self { values }
    }

    /// Returns a mask that also covers the values of a record's flags and configuration whose names look secret.
    pub fn with(&self, desired: &DesiredState) -> Self {
        let variables = desired.flags.iter().chain(&desired.config);
        let secret = variables.filter(|(name, _)| looks_secret(name)).map(|(_, value)| value.clone());
        Self::new(self.values.iter().cloned().chain(secret))
    }

    /// Masks whole lines, which follow each other. Removes terminal sequences first, since they could stand in the middle of
    /// a secret.
    pub fn lines(&self, lines: impl IntoIterator<Item = String>) -> Vec<String> {
        let lines: Vec<String> = lines.into_iter().map(|line| without_sequences(&line)).collect();
        let keys = key_lines(&lines);
        lines.iter().zip(keys).map(|(line, is_key)| if is_key { MASK.to_owned() } else { self.line(line) }).collect()
    }

    fn line(&self, line: &str) -> String {
        let mut text = line.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), MASK);
            }
        }
        for form in FORM_PATTERNS.iter() {
            text = form.replace_all(&text, MASK).into_owned();
        }
        for after in AFTER_PATTERNS.iter() {
            let masked = |found: &Captures<'_>| {
                let rest = found.get(3).map_or("", |rest| rest.as_str());
                format!("{}{MASK}{rest}", &found[1])
            };
            text = after.replace_all(&text, masked).into_owned();
        }
        match LONG_WORD.as_ref() {
            Some(word) => word.replace_all(&text, |found: &Captures<'_>| long_word(&found[0])).into_owned(),
            None => text,
        }
    }
}

/// A long word with capital and small letters and digits is a key. One of hexadecimal digits is a hash or an id.
fn long_word(word: &str) -> String {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(&is);
    let is_key = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    if is_key { MASK.to_owned() } else { word.to_owned() }
}

/// Which lines are of a private key: those between the bounds. Where one of them is missing, it stands before or after what
/// was read.
fn key_lines(lines: &[String]) -> Vec<bool> {
    let mut keys = vec![false; lines.len()];
    let mut since = None;
    let mut last_end = 0;
    for (at, line) in lines.iter().enumerate() {
        let bounds = KEY_BOUNDS.as_ref().map(|bounds| bounds.matches(line));
        let (begins, ends) = bounds.map_or((false, false), |bounds| (bounds.matched(0), bounds.matched(1)));
        if begins && since.is_none() {
            since = Some(at);
        }
        if ends {
            let first = since.take().unwrap_or_else(|| first_of_key(lines, last_end, at));
            keys[first..=at].fill(true);
            last_end = at + 1;
        }
    }
    if let Some(since) = since {
        keys[since..].fill(true);
    }
    keys
}

/// Where a key begins whose first line was not read: the lines of base64 before its end.
fn first_of_key(lines: &[String], from: usize, end: usize) -> usize {
    let base64 = |line: &String| {
        let line = line.trim();
        !line.contains(' ') && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    };
    (from..end).rev().take_while(|at| base64(&lines[*at])).last().unwrap_or(end)
}

/// A line without the sequences that move a terminal's cursor or colour it (ECMA-48, 5.4), and without other control
/// characters and marks that turn the direction of writing (Unicode Standard Annex 9).
fn without_sequences(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                // A control sequence ends with a letter or one of a few signs.
                Some('[') => drop(characters.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c))),
                // An operating system command ends with BEL or ESC \.
                Some(']') => drop(characters.by_ref().find(|c| matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}'))),
                _ => {}
            },
            '\t' => out.push(character),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {}
            character if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') => {}
            character => out.push(character),
        }
    }
    out
}

/// Makes what a comment shows of a log: the last `most` of these lines, masked. The containers are named where there are
/// several. `lines` are container and message, and begin [`MASK_CONTEXT`] lines earlier than what is shown.
pub fn excerpt(lines: &[(String, String)], mask: &Mask, most: usize) -> LogExcerpt {
    let several = lines.iter().any(|(container, _)| *container != lines[0].0);
    // Each container's own lines follow each other.
    let mut containers: Vec<&str> = Vec::new();
    for (container, _) in lines {
        if !containers.contains(&container.as_str()) {
            containers.push(container);
        }
    }
    let mut masked: Vec<(usize, String)> = Vec::with_capacity(lines.len());
    for container in containers {
        let own: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].0 == container).collect();
        let texts = mask.lines(own.iter().map(|at| lines[*at].1.clone()));
        let named = |text: String| if several { format!("[{container}] {text}") } else { text };
        masked.extend(own.into_iter().zip(texts.into_iter().map(named)));
    }
    masked.sort_by_key(|(at, _)| *at);
    let hidden = masked.len().saturating_sub(most);
    LogExcerpt::new(masked.into_iter().skip(hidden).map(|(_, line)| line))
}

#[cfg(test)]
mod tests;
