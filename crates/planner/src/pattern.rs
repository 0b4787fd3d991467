//! Patterns with placeholders: `pr-{pr}-service`, `pr-{pr}-{sha7}`.

use std::fmt;

use bivouac_model::PrNumber;

/// The most digits of a number that is looked for in a tag: those of [`PrNumber::MAX`].
const MOST_DIGITS: usize = 10;

/// A text with placeholders, checked when the configuration is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Pr,
    Sha,
    Sha7,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// A placeholder that does not exist here.
    #[error("`{0}` has the unknown placeholder `{{{1}}}`; allowed: {2}")]
    Unknown(String, String, &'static str),
    /// A brace without its other half.
    #[error("`{0}` has a `{{` without its `}}`")]
    Unclosed(String),
    /// Every pull request would have the same name.
    #[error("`{0}` has to contain `{{pr}}` exactly once, so that every pull request has a name of its own")]
    NoPr(String),
    /// AWS would refuse the name.
    #[error("`{0}` makes names that AWS refuses; allowed: {1}")]
    Characters(String, &'static str),
}

impl Pattern {
    /// A pattern of service names: `{pr}` exactly once, and up to 255 letters, digits, `-` and `_`
    /// (ECS CreateService, `serviceName`).
    ///
    /// # Errors
    /// [`InvalidPattern`], in a sentence.
    pub fn service_name(text: &str) -> Result<Self, InvalidPattern> {
        let pattern = Self::parse(text, false)?;
        if pattern.parts.iter().filter(|part| **part == Part::Pr).count() != 1 {
            return Err(InvalidPattern::NoPr(text.into()));
        }
        // Ten digits for the number at most.
        let fits = text.len() + 10 <= 255;
        if !fits || !pattern.texts_are(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(InvalidPattern::Characters(text.into(), "at most 240 letters, digits, `-` and `_`"));
        }
        Ok(pattern)
    }

    /// A pattern of image tags: `{pr}`, `{sha}` and `{sha7}`.
    ///
    /// # Errors
    /// [`InvalidPattern`], in a sentence.
    pub fn image_tag(text: &str) -> Result<Self, InvalidPattern> {
        let pattern = Self::parse(text, true)?;
        if !pattern.parts.contains(&Part::Pr) && !pattern.names_a_commit() {
            return Err(InvalidPattern::NoPr(text.into()));
        }
        let sample = pattern.fill(PrNumber::MAX.into(), Some(&"0".repeat(40))).unwrap_or_default();
        if sample.parse::<bivouac_model::ImageTag>().is_err() {
            return Err(InvalidPattern::Characters(text.into(), "letters, digits, `.`, `_` and `-`, 128 at most"));
        }
        Ok(pattern)
    }

    fn parse(text: &str, sha: bool) -> Result<Self, InvalidPattern> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            let (name, after) = after.split_once('}').ok_or_else(|| InvalidPattern::Unclosed(text.into()))?;
            parts.push(match name {
                "pr" => Part::Pr,
                "sha" if sha => Part::Sha,
                "sha7" if sha => Part::Sha7,
                _ => {
                    let allowed = if sha { "{pr}, {sha}, {sha7}" } else { "{pr}" };
                    return Err(InvalidPattern::Unknown(text.into(), name.into(), allowed));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self { text: text.into(), parts })
    }

    fn texts_are(&self, allowed: impl Fn(u8) -> bool) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(text) => text.bytes().all(&allowed),
            _ => true,
        })
    }

    /// The text for a pull request; `None` when it needs a commit that is not known.
    pub fn fill(&self, pr: u64, sha: Option<&str>) -> Option<String> {
        let mut out = String::with_capacity(self.text.len() + 16);
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Pr => {
                    let _ = fmt::Write::write_fmt(&mut out, format_args!("{pr}"));
                }
                Part::Sha => out.push_str(sha?),
                Part::Sha7 => out.push_str(sha.and_then(|sha| sha.get(..7))?),
            }
        }
        Some(out)
    }

    /// Whether it holds `{sha}` or `{sha7}`.
    pub fn names_a_commit(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Sha | Part::Sha7))
    }

    /// Whether it holds `{sha}`, so that a name of this pattern is of one commit alone.
    pub fn names_a_whole_commit(&self) -> bool {
        self.parts.contains(&Part::Sha)
    }

    /// The number of the pull request that a name of this pattern speaks of.
    pub fn pr_of(&self, name: &str) -> Option<PrNumber> {
        let (before, after) = self.around_pr();
        let digits = name.strip_prefix(before)?.strip_suffix(after)?;
        (!digits.starts_with('0')).then(|| digits.parse().ok()).flatten()
    }

    /// The pull requests of which a tag of this pattern speaks, of whatever commit. More than one where the pattern does
    /// not tell them apart (`{pr}{sha7}`); none where it is not exactly what the pattern makes.
    pub fn prs_of_tag(&self, tag: &str) -> Vec<PrNumber> {
        let mut found = Vec::new();
        parts_match(&self.parts, tag, None, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether two patterns of service names can make the same name for any two pull requests.
    ///
    /// `a{pr}b` and `c{pr}d` meet only where one of `a`, `c` begins with the other and goes on in digits, and one of `b`,
    /// `d` ends with the other and has digits before; that much is called a collision, to be on the safe side.
    pub fn collides_with(&self, other: &Self) -> bool {
        let ((a, b), (c, d)) = (self.around_pr(), other.around_pr());
        let digits = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit());
        let heads = a.strip_prefix(c).or_else(|| c.strip_prefix(a)).is_some_and(digits);
        let tails = b.strip_suffix(d).or_else(|| d.strip_suffix(b)).is_some_and(digits);
        heads && tails
    }

    /// What stands before the number of the pull request.
    pub fn before_pr(&self) -> &str {
        self.around_pr().0
    }

    fn around_pr(&self) -> (&str, &str) {
        self.text.split_once("{pr}").unwrap_or((&self.text, ""))
    }
}

/// Collects each pull request for which the parts make the text.
fn parts_match(parts: &[Part], text: &str, pr: Option<PrNumber>, found: &mut Vec<PrNumber>) {
    let Some((part, rest)) = parts.split_first() else {
        if text.is_empty() {
            found.extend(pr);
        }
        return;
    };
    match part {
        Part::Text(wanted) => {
            if let Some(after) = text.strip_prefix(wanted.as_str()) {
                parts_match(rest, after, pr, found);
            }
        }
        Part::Pr => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            for (number, after) in (1..=digits.min(MOST_DIGITS)).filter_map(|end| text.split_at_checked(end)) {
                let number = Some(number).filter(|number| !number.starts_with('0'));
                let number: Option<PrNumber> = number.and_then(|number| number.parse().ok());
                if number.is_some() && pr.is_none_or(|pr| Some(pr) == number) {
                    parts_match(rest, after, number, found);
                }
            }
        }
        // A commit's name is a SHA-1, or a SHA-256 in a repository that uses those.
        Part::Sha | Part::Sha7 => {
            let lengths: &[usize] = if *part == Part::Sha { &[40, 64] } else { &[7] };
            for (commit, after) in lengths.iter().filter_map(|length| text.split_at_checked(*length)) {
                if commit.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    parts_match(rest, after, pr, found);
                }
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_every_pull_request() {
        let pattern = Pattern::service_name("pr-{pr}-service").unwrap();
        assert_eq!(pattern.fill(12, None).as_deref(), Some("pr-12-service"));
        assert_eq!(pattern.pr_of("pr-12-service").map(PrNumber::get), Some(12));
        for other in ["pr-x-service", "pr-012-service", "pr--service", "pr-12-servic"] {
            assert_eq!(pattern.pr_of(other), None, "{other}");
        }
        let tag = Pattern::image_tag("{sha7}-{pr}").unwrap();
        assert_eq!(tag.fill(1, None), None);
        assert_eq!(tag.fill(1, Some("0123456789")).as_deref(), Some("0123456-1"));
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for bad in ["service", "pr-{pr}-{pr}", "pr-{number}", "pr-{pr", "pr {pr}", "pr-{sha}"] {
            assert!(Pattern::service_name(bad).is_err(), "{bad}");
        }
        for bad in ["latest", "-{pr}", "{pr} x"] {
            assert!(Pattern::image_tag(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_that_can_meet_collide() {
        let collide = |a, b| Pattern::service_name(a).unwrap().collides_with(&Pattern::service_name(b).unwrap());
        assert!(collide("pr-{pr}-service", "pr-{pr}-service"));
        assert!(collide("pr-{pr}", "pr-1{pr}"));
        assert!(!collide("pr-{pr}-a", "pr-{pr}-b"));
        assert!(!collide("superset-{pr}", "airflow-{pr}"));
    }

    proptest::proptest! {
        #[test]
        fn names_lead_back(pr in 1u64..2_147_483_647) {
            let pattern = Pattern::service_name("pr-{pr}-service").unwrap();
            let name = pattern.fill(pr, None).unwrap();
            proptest::prop_assert_eq!(pattern.pr_of(&name).map(PrNumber::get), Some(pr));
        }
    }
}
