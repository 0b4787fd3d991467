//! What `bivouac doctor` looks at: everything that has to be right before environments can come up, each with how to mend
//! it. Nothing is written anywhere, no secret is told, and no call is waited for longer than [`PATIENCE`].
//!
//! - [`report`]: a check and what came of it.
//! - [`local`]: configuration, templates, sleep, approval, prices, secrets, the bot, open files; nothing is called.
//! - [`aws`]: credentials, clock, quotas, tables, cluster, registry, permissions; [`network`]: subnets and security groups;
//!   [`logs`]: log groups.
//! - [`github`]: what the token or the app may do, and which events arrive.
//! - [`words`]: from a failed call to a sentence.

mod aws;
mod github;
mod local;
mod logs;
mod network;
pub mod report;
pub mod words;

use std::path::Path;
use std::time::Duration;

use bivouac_ports::{Error, Meaning, Result};

use crate::compose;
use crate::config::{Config, Variables};
use report::{Area, Report};

/// How long a call may take, and so a check that makes one; a check that makes several has as much for each. Longer than a
/// call to AWS with its retries (8 s), so that the other side's own words are told where it says any.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs every check, whatever the others say. `path` and `variables` are where the configuration came from.
pub async fn examine(config: &Config, path: &Path, variables: &Variables) -> Report {
    let mut checks = local::configuration(config, path, variables);
    checks.extend(local::templates(config));
    checks.extend(local::sleep(config));
    checks.extend(local::approval(config));
    checks.push(local::prices(config));
    checks.extend(local::secrets(config));
    let (aws, github) = tokio::join!(of_aws(config), github::github(config));
    checks.extend(aws);
    checks.extend(github);
    checks.extend(local::bot(config));
    checks.push(local::open_files(config));
    Report::of(checks)
}

async fn of_aws(config: &Config) -> Vec<report::Check> {
    const AWS: Area = Area("aws");
    match compose::ground(config).await {
        Ok(ground) => aws::aws(config, &ground).await,
        Err(error) => {
            let mend = "set `aws.region`, or the variable AWS_REGION";
            let said = crate::exit::chain(&error);
            let mut checks = vec![AWS.problem("credentials", said, mend)];
            checks.extend(aws::skipped("AWS cannot be asked without a region"));
            checks
        }
    }
}

/// Waits for an answer, but not for ever.
async fn bounded<T>(call: &'static str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    within(PATIENCE, call, answer).await
}

async fn within<T>(patience: Duration, call: &'static str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || Error::new(Meaning::Unavailable, call, format!("no answer within {} seconds", patience.as_secs()));
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_hangs_says_so() {
        let began = tokio::time::Instant::now();
        let hung = bounded::<()>("ECS DescribeClusters", std::future::pending()).await.expect_err("it never answers");
        assert_eq!(hung.to_string(), "ECS DescribeClusters unavailable: no answer within 10 seconds");
        assert_eq!(began.elapsed(), PATIENCE);
    }
}
