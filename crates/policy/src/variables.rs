//! Which environment variables a record may set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use wildmatch::WildMatch;

/// The variables that no record sets, whatever the configuration lists (DESIGN, contracts 1 and 4). Those of AWS and ECS
/// choose whose credentials a task uses, and the others choose which code its programs load. Compared without case.
pub const REFUSED: [&str; 4] = ["AWS_*", "ECS_*", "LD_*", "PATH"];

/// What a flag is called where the project has no prefix (DESIGN, "Settled questions").
const FLAG: &str = "FEATURE_*";

/// Whether a variable is one that no record sets.
pub fn is_refused(variable: &str) -> bool {
    REFUSED.iter().any(|pattern| WildMatch::new_case_insensitive(pattern).matches(variable))
}

/// Which environment variables the records of a project may set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VariableRules {
    /// `flag_prefix`: what stands before the name of a flag.
    pub flag_prefix: String,
    /// `flags_allow`: which flags are allowed besides `FEATURE_*` where there is no prefix, with `*` and `?`.
    pub flags_allow: Vec<WildMatch>,
    /// `config_allow`: which configuration overrides are allowed, with `*` and `?`.
    pub config_allow: Vec<WildMatch>,
    /// `secrets_override`: the secrets of the template that a record may replace.
    pub secrets_override: Vec<String>,
}

/// The attribute that a name stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Flags,
    Config,
}

/// A name in a record that the rules refuse. Displays a sentence without its full stop, fit for Markdown: names and patterns
/// stand in code, and no value stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    attribute: Attribute,
    name: String,
    /// The variable that the name becomes.
    variable: String,
    rule: Rule,
}

/// The rule that refuses a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// It is one of [`REFUSED`].
    Refused,
    /// It would replace a secret.
    Secret,
    /// No pattern allows it; these would.
    NotListed(Vec<String>),
}

impl VariableRules {
    /// The variable that a flag becomes.
    pub fn variable(&self, flag: &str) -> String {
        format!("{}{flag}", self.flag_prefix)
    }

    /// The variables that flags and configuration make. A flag wins over configuration of the same name.
    pub fn environment(
        &self,
        flags: &BTreeMap<String, String>,
        config: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut variables = config.clone();
        variables.extend(flags.iter().map(|(name, value)| (self.variable(name), value.clone())));
        variables
    }

    /// Every name that the rules refuse: flags first, each in the order of the names. Empty: all of them are allowed.
    /// `secrets` are the names of the secrets that the template gives to the containers that get the variables.
    pub fn refusals(
        &self,
        secrets: &BTreeSet<String>,
        flags: &BTreeMap<String, String>,
        config: &BTreeMap<String, String>,
    ) -> Vec<Refusal> {
        let flags = flags.keys().filter_map(|name| self.refuse(secrets, Attribute::Flags, name, self.variable(name)));
        let config = config.keys().filter_map(|name| self.refuse(secrets, Attribute::Config, name, name.clone()));
        flags.chain(config).collect()
    }

    fn refuse(
        &self,
        secrets: &BTreeSet<String>,
        attribute: Attribute,
        name: &str,
        variable: String,
    ) -> Option<Refusal> {
        let listed = |patterns: &[WildMatch]| patterns.iter().any(|pattern| pattern.matches(name));
        let (allowed, patterns): (bool, Vec<String>) = match attribute {
            Attribute::Flags => {
                let flag = WildMatch::new(FLAG);
                let allowed = !self.flag_prefix.is_empty() || flag.matches(name) || listed(&self.flags_allow);
                (allowed, std::iter::once(&flag).chain(&self.flags_allow).map(ToString::to_string).collect())
            }
            Attribute::Config => {
                (listed(&self.config_allow), self.config_allow.iter().map(ToString::to_string).collect())
            }
        };
        let rule = if !allowed {
            Rule::NotListed(patterns)
        } else if is_refused(&variable) {
            Rule::Refused
        } else if self.keeps(secrets, &variable) {
            Rule::Secret
        } else {
            return None;
        };
        Some(Refusal { attribute, name: name.to_owned(), variable, rule })
    }

    /// Whether a variable is a secret that no record may replace. Without case, since applications read configuration so
    /// (Spring's relaxed binding, .NET's configuration).
    fn keeps(&self, secrets: &BTreeSet<String>, variable: &str) -> bool {
        let is = |name: &String| name.eq_ignore_ascii_case(variable);
        secrets.iter().any(is) && !self.secrets_override.iter().any(is)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attribute, name, variable, rule } = self;
        let attribute = match attribute {
            Attribute::Flags => "flags",
            Attribute::Config => "config",
        };
        write!(f, "{attribute} holds the name `{name}`")?;
        if variable != name {
            write!(f, ", which becomes the variable `{variable}`")?;
        }
        match rule {
            Rule::Refused => write!(f, "; allowed: no variable of {}", quoted(REFUSED)),
            Rule::Secret => f.write_str(
                ", which is a secret of the task definition; allowed: only secrets that `secrets_override` lists",
            ),
            Rule::NotListed(patterns) if patterns.is_empty() => f.write_str("; allowed: none"),
            Rule::NotListed(patterns) => write!(f, "; allowed: {}", quoted(patterns)),
        }
    }
}

/// Names in code, with commas.
fn quoted<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(patterns: &[&str]) -> Vec<WildMatch> {
        patterns.iter().map(|pattern| WildMatch::new(pattern)).collect()
    }

    fn names(names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), "hunter2".to_owned())).collect()
    }

    fn sentences(rules: &VariableRules, flags: &[&str], config: &[&str]) -> Vec<String> {
        let secrets = BTreeSet::from(["FEATURE_KEY".to_owned(), "DATABASE_URL".to_owned()]);
        rules.refusals(&secrets, &names(flags), &names(config)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_prefix_a_flag_is_a_feature_or_listed() {
        let rules = VariableRules { flags_allow: patterns(&["BETA_?", "DEBUG"]), ..VariableRules::default() };
        assert_eq!(sentences(&rules, &["FEATURE_X", "BETA_1", "DEBUG"], &[]), [""; 0]);
        assert_eq!(
            sentences(&rules, &["SITE_URL"], &[]),
            ["flags holds the name `SITE_URL`; allowed: `FEATURE_*`, `BETA_?`, `DEBUG`"]
        );
        // The old spelling of a flag is no feature by accident of case.
        assert_eq!(sentences(&rules, &["feature_x"], &[]).len(), 1);
    }

    #[test]
    fn with_a_prefix_any_name_is_a_flag() {
        let rules = VariableRules { flag_prefix: "SUPERSET_".into(), ..VariableRules::default() };
        assert_eq!(sentences(&rules, &["ANYTHING", "PATH", "LD_PRELOAD"], &[]), [""; 0]);
    }

    #[test]
    fn the_name_that_counts_is_the_variable() {
        let rules = VariableRules { flag_prefix: "A".into(), ..VariableRules::default() };
        assert_eq!(
            sentences(&rules, &["WS_REGION"], &[]),
            ["flags holds the name `WS_REGION`, which becomes the variable `AWS_REGION`; \
              allowed: no variable of `AWS_*`, `ECS_*`, `LD_*`, `PATH`"]
        );
    }

    #[test]
    fn what_no_record_sets_is_refused_whatever_is_listed() {
        let all = patterns(&["*", "PATH", "AWS_*"]);
        let rules = VariableRules { flags_allow: all.clone(), config_allow: all, ..VariableRules::default() };
        for name in ["LD_PRELOAD", "ld_preload", "PATH", "Path", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "ECS_X"] {
            assert_eq!(sentences(&rules, &[name], &[name]).len(), 2, "{name}");
        }
        // Names that only resemble them are the configuration's to allow.
        for name in ["PATH_INFO", "PYTHONPATH", "OLD_NAME", "LAWS_X", "LD", "AWS"] {
            assert_eq!(sentences(&rules, &[name], &[name]), [""; 0], "{name}");
        }
    }

    #[test]
    fn a_secret_is_replaced_only_where_the_configuration_lists_it() {
        let mut rules = VariableRules { config_allow: patterns(&["*"]), ..VariableRules::default() };
        assert_eq!(
            sentences(&rules, &["FEATURE_KEY"], &["Database_Url"]),
            [
                "flags holds the name `FEATURE_KEY`, which is a secret of the task definition; \
                 allowed: only secrets that `secrets_override` lists",
                "config holds the name `Database_Url`, which is a secret of the task definition; \
                 allowed: only secrets that `secrets_override` lists",
            ]
        );
        rules.secrets_override = vec!["DATABASE_URL".into()];
        assert_eq!(sentences(&rules, &[], &["DATABASE_URL"]), [""; 0]);
        assert_eq!(sentences(&rules, &["FEATURE_KEY"], &[]).len(), 1);
        // Listing a secret does not allow a name that `config_allow` does not.
        rules.config_allow.clear();
        assert_eq!(sentences(&rules, &[], &["DATABASE_URL"]), ["config holds the name `DATABASE_URL`; allowed: none"]);
    }

    proptest! {
        #[test]
        fn no_rule_lets_a_refused_variable_through_and_no_sentence_holds_a_value(
            prefix in "[A-Z_]{0,4}",
            name in "(AWS_|LD_|ECS_|PATH|WS_|D_)?[A-Za-z_]{1,6}",
        ) {
            let rules = VariableRules {
                flag_prefix: prefix,
                flags_allow: patterns(&["*"]),
                config_allow: patterns(&["*"]),
                ..VariableRules::default()
            };
            let (flags, config) = (names(&[&name]), names(&[&name]));
            let refusals = rules.refusals(&BTreeSet::new(), &flags, &config);
            let set = rules.environment(&flags, &config);
            prop_assert_eq!(set.keys().any(|name| is_refused(name)), !refusals.is_empty());
            prop_assert!(refusals.iter().all(|refusal| !refusal.to_string().contains("hunter2")));
        }
    }
}
