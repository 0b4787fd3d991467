//! What the embedded system is configured with: the example of `deploy/examples/hello`, for the story's repository.
//! The bot, too: the same command, the same names that may be set, the same sizes.

use std::collections::BTreeMap;
use std::time::Duration;

use bivouac_bot::{ProjectRules, Secrets};
use bivouac_model::{InvalidKey, RepoName};
use bivouac_planner::admission::Caps;
use bivouac_planner::{
    CapacityPolicy, Deadlines, ImageCommit, InvalidPattern, InvalidTemplate, Pattern, Policy, Prices, Project, Size,
    Template, Terms,
};
use bivouac_policy::VariableRules;
use secrecy::SecretString;
use wildmatch::WildMatch;

use super::story::{ECR_REPOSITORY, REPOSITORY};

/// The template that people are given as an example.
const TEMPLATE: &str = include_str!("../../deploy/examples/hello/task-definition.json");
/// What commands begin with.
const COMMAND: &str = "/testenv";
/// The names that an `up` may set.
const CONFIG_ALLOW: &str = "GREETING";

/// Why the built-in example does not hold, which a test would have told.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Its template.
    #[error("the built-in task definition")]
    Template(#[from] InvalidTemplate),
    /// Its patterns.
    #[error("the built-in patterns")]
    Pattern(#[from] InvalidPattern),
    /// Its repository.
    #[error("the built-in repository")]
    Repository(#[from] InvalidKey),
}

/// The policy of `bivouac dev`.
///
/// # Errors
/// When the built-in example is broken.
pub fn policy() -> Result<Policy, PolicyError> {
    let repo: RepoName = REPOSITORY.parse()?;
    let sizes = BTreeMap::from([("small".to_owned(), Size { cpu: 256, memory: 512 })]);
    let terms = Terms { sizes: &sizes, spot: true, tags: &BTreeMap::new() };
    let project = Project {
        repo: repo.clone(),
        ecr_repository: ECR_REPOSITORY.to_owned(),
        template: Template::examine(TEMPLATE, &["hello".to_owned()], &terms)?,
        port: 8080,
        health_path: Some("/".to_owned()),
        idle_path: None,
        service_name: Pattern::service_name("pr-{pr}-service")?,
        image_tag: Pattern::image_tag("pr-{pr}-ci")?,
        image_commit: ImageCommit::PushTime,
        variables: VariableRules {
            flag_prefix: "HELLO_".to_owned(),
            config_allow: vec![WildMatch::new(CONFIG_ALLOW)],
            ..VariableRules::default()
        },
        sizes,
        ready_note: Some("It greets whoever opens it.".to_owned()),
        exec: false,
        // Nothing in it is secret, and it shows how that looks.
        logs_in_comments: bivouac_policy::LogsInComments::Always,
    };
    Ok(Policy {
        instance: "dev".to_owned(),
        tags: BTreeMap::new(),
        projects: BTreeMap::from([(repo, project)]),
        ttl: Duration::from_secs(48 * 3600),
        max_ttl: Duration::from_secs(168 * 3600),
        expiry_notice: Duration::from_secs(3600),
        caps: Caps::default(),
        idle_after: Duration::ZERO,
        max_deletions_per_pass: 20,
        adopt: Vec::new(),
        // A day of the story is ten seconds.
        untagged_image_grace: Duration::from_secs(10),
        purge_after: Duration::from_secs(720 * 3600),
        capacity: CapacityPolicy::SpotWithFallback,
        prices: Prices::default(),
        // The embedded cloud is quicker than Fargate, so it is looked at more often.
        deadlines: Deadlines { soon: Duration::from_secs(1), later: Duration::from_secs(5), ..Deadlines::default() },
        command: COMMAND.to_owned(),
        checks_own_branches: false,
    })
}

/// The bot beside it, which believes deliveries that are signed with `secret`.
pub fn bot(policy: &Policy, secret: SecretString) -> bivouac_bot::Settings {
    let rules = |project: &Project| ProjectRules {
        repo: project.repo.clone(),
        variables: project.variables.clone(),
        secrets: project.template.secrets().clone(),
        sizes: project.sizes.keys().cloned().collect(),
        logs: crate::bot::logs(&project.template, project.logs_in_comments),
    };
    bivouac_bot::Settings {
        command: policy.command.clone(),
        secrets: Secrets::new([secret]),
        projects: policy.projects.values().map(rules).collect(),
        label: Some("testenv-up".to_owned()),
        default_ttl: policy.ttl,
        ..bivouac_bot::Settings::default()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_built_in_example_holds() {
        super::policy().unwrap();
    }
}
