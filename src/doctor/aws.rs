//! What AWS has and allows: credentials, clock, quotas, tables, cluster, registry, permissions.

use std::collections::BTreeSet;

use bivouac_model::{Capacity, FargateQuotas, ImageTag, ImageView, ListedImage, ManifestKind};
use bivouac_planner::ImageCommit;
use bivouac_ports::{Error, Meaning, Registry, Result, SiteCluster, SiteRead};
use chrono::TimeDelta;

use super::report::{Area, Check};
use super::words::{self, Refusal, listed};
use super::{PATIENCE, bounded, logs, network, within};
use crate::compose::{Ground, capacities};
use crate::config::Config;

const AWS: Area = Area("aws");
const TABLES: Area = Area("tables");
const CLUSTER: Area = Area("cluster");
const REGISTRY: Area = Area("registry");
const PERMISSIONS: Area = Area("permissions");

/// The check of what the account may use.
const QUOTAS: &str = "service quotas";

/// The smallest task of Fargate in vCPU ("Task CPU and memory", Amazon ECS developer guide).
const SMALLEST_TASK: f64 = 0.25;

/// A tag that no build makes: whether it is there does not matter.
const NO_TAG: &str = "bivouac-doctor";

/// Everything of AWS. The rest is skipped only where AWS does not know us at all.
pub(super) async fn aws(config: &Config, ground: &Ground) -> Vec<Check> {
    let cluster = bounded("ECS DescribeClusters", ground.site.cluster()).await;
    let mut checks = vec![credentials(ground, &cluster)];
    if cluster.as_ref().is_err_and(|error| words::refusal(error) == Some(Refusal::Credentials)) {
        checks.extend(skipped("nothing else of AWS can be checked without credentials that AWS accepts"));
        return checks;
    }
    let (tables, quotas, network, registry, logs, permissions) = tokio::join!(
        tables(ground),
        // The default is asked for after what was applied.
        within(PATIENCE * 2, "Service Quotas GetServiceQuota", ground.quotas.fargate_vcpus()),
        network::network(config, ground.site.as_ref()),
        registry(config, ground.registry.as_ref()),
        logs::logs(config, ground.logs.as_ref(), &ground.region),
        permissions(config, ground),
    );
    // Every answer of above told the time.
    checks.push(clock(ground.clock.offset()));
    checks.push(self::quotas(config, &quotas));
    checks.extend(tables);
    checks.extend(self::cluster(config, &cluster));
    checks.extend(network);
    checks.extend(registry);
    checks.extend(logs);
    checks.extend(permissions);
    checks
}

/// The checks of AWS, none of which was made.
pub(super) fn skipped(why: &str) -> Vec<Check> {
    let areas = [(AWS, "clock"), (AWS, QUOTAS), (TABLES, "tables"), (CLUSTER, "cluster")];
    let more = [
        (Area("network"), "network"),
        (REGISTRY, "repositories"),
        (logs::LOGS, "log groups"),
        (PERMISSIONS, "reading"),
    ];
    areas.into_iter().chain(more).map(|(area, check)| area.skipped(check, why)).collect()
}

/// Who we are there, as far as the answer about the cluster tells.
fn credentials(ground: &Ground, cluster: &Result<SiteCluster>) -> Check {
    let region = &ground.region;
    match cluster {
        Ok(cluster) => match cluster.region_and_account() {
            Some((region, account)) => AWS.ok("credentials", format!("account {account}, region {region}")),
            None => AWS.ok("credentials", format!("AWS takes them; region {region}")),
        },
        Err(error) => match words::refusal(error) {
            Some(Refusal::Credentials) => AWS.problem("credentials", error.to_string(), words::mend(error)),
            // To lack a permission, one has to be somebody.
            Some(Refusal::Permission(_)) => AWS.ok("credentials", format!("AWS takes them; region {region}")),
            None if error.meaning() == Meaning::Unavailable => {
                AWS.problem("credentials", format!("{error} (region {region})"), words::mend(error))
            }
            None => AWS.ok("credentials", format!("AWS takes them; region {region}")),
        },
    }
}

fn clock(offset: Option<TimeDelta>) -> Check {
    let Some(offset) = offset else { return AWS.skipped("clock", "AWS told its time in no answer") };
    if offset.is_zero() {
        return AWS.ok("clock", "this machine's agrees with AWS's to within half a minute");
    }
    let way = if offset > TimeDelta::zero() { "ahead of" } else { "behind" };
    let off = bivouac_model::format_duration(offset.abs().to_std().unwrap_or_default());
    let message = format!("this machine's clock is {off} {way} AWS's, by which Bivouac counts");
    AWS.warning("clock", message, "set the clock right (NTP)")
}

/// What the account may run at once. Where that is not told nothing is broken: the configured ceiling counts alone.
fn quotas(config: &Config, answer: &Result<FargateQuotas>) -> Check {
    let quotas = match answer {
        Ok(quotas) => quotas,
        Err(error) => {
            let mend = format!("{}; without it `guardrails.max_vcpus` is what counts", words::mend(error));
            return AWS.warning(QUOTAS, error.to_string(), mend);
        }
    };
    let FargateQuotas { on_demand, spot } = quotas;
    let allowed = format!("Fargate: {on_demand} vCPU on demand, {spot} vCPU Spot");
    let starts = capacities(config.aws.capacity).into_iter().any(|(capacity, _)| {
        let vcpus = match capacity {
            Capacity::OnDemand => *on_demand,
            Capacity::Spot => *spot,
        };
        vcpus >= SMALLEST_TASK
    });
    if starts {
        return AWS.ok(QUOTAS, allowed);
    }
    let mend = "ask AWS for more (Service Quotas console, AWS Fargate), or set another `aws.capacity`";
    AWS.problem(QUOTAS, format!("{allowed}: no task can start with `aws.capacity`"), mend)
}

/// Everything that is wrong with the tables, of all of them at once.
async fn tables(ground: &Ground) -> Vec<Check> {
    // A table whose time to live is looked at takes two calls, and all tables are asked side by side.
    let problems = async { Ok(ground.records.problems().await) };
    let problems = within(PATIENCE * 2, "DynamoDB DescribeTable", problems).await.unwrap_or_else(|late| vec![late]);
    if problems.is_empty() {
        return vec![TABLES.ok("tables", "all are there, as they should be")];
    }
    problems.iter().map(table).collect()
}

fn table(error: &Error) -> Check {
    let made = error.message().contains("bivouac init");
    let mend = match error.meaning() {
        _ if made => "run `bivouac init`".to_owned(),
        Meaning::Invalid => "set another `aws.table_prefix`, or remove that table".to_owned(),
        _ => words::mend(error),
    };
    TABLES.problem("tables", error.message().to_owned(), mend)
}

fn cluster(config: &Config, answer: &Result<SiteCluster>) -> Vec<Check> {
    let name = &config.aws.cluster;
    let cluster = match answer {
        Ok(cluster) => cluster,
        Err(error) => {
            let mend = match error.meaning() {
                Meaning::NotFound => format!(
                    "make it with `aws ecs create-cluster --cluster-name {name} --capacity-providers FARGATE FARGATE_SPOT`, \
                     or set `aws.cluster` and `aws.region` to where one is"
                ),
                _ => words::mend(error),
            };
            let why = "the cluster could not be read";
            let there = CLUSTER.problem("cluster", error.to_string(), mend);
            return vec![there, CLUSTER.skipped("capacity providers", why)];
        }
    };
    let there = match cluster.status.as_str() {
        "ACTIVE" => CLUSTER.ok("cluster", format!("{name} is ACTIVE")),
        status => {
            let message = format!("{name} is {status}");
            CLUSTER.problem("cluster", message, "wait until it is ACTIVE, or set `aws.cluster` to one that is")
        }
    };
    vec![there, providers(config, &cluster.capacities)]
}

fn providers(config: &Config, there: &[Capacity]) -> Check {
    let needed = capacities(config.aws.capacity);
    let (has, lacks): (Vec<_>, Vec<_>) = needed.into_iter().partition(|(capacity, _)| there.contains(capacity));
    let names = |of: &[(Capacity, &'static str)]| listed(&of.iter().map(|(_, name)| *name).collect::<Vec<_>>());
    if lacks.is_empty() {
        return CLUSTER.ok("capacity providers", names(&has));
    }
    let cluster = &config.aws.cluster;
    let message = format!("`aws.capacity` needs {}, which the cluster {cluster} lacks", names(&lacks));
    CLUSTER.problem("capacity providers", message, format!("add it with `{}`", words::put_providers(cluster)))
}

/// The repositories of all projects, each once.
fn repositories(config: &Config) -> Vec<String> {
    let all: BTreeSet<&str> = config.projects.iter().map(|project| project.ecr_repository.as_str()).collect();
    all.into_iter().map(str::to_owned).collect()
}

async fn registry(config: &Config, registry: &dyn Registry) -> Vec<Check> {
    let looks = repositories(config).into_iter().map(|name| async move { repository(registry, name).await });
    // A template that is wrong is a check of its own.
    let projects = config.policy().map(|policy| policy.projects).unwrap_or_default();
    let processors = projects.values().map(|project| processor(registry, project));
    let (mut checks, processors) =
        tokio::join!(futures::future::join_all(looks), futures::future::join_all(processors));
    checks.extend(processors.into_iter().flatten());
    checks
}

/// Whether the newest image of a project is built for the processor that its template asks for. `None` where that cannot be
/// known: there is no image, it says nothing, or it may not be read.
async fn processor(registry: &dyn Registry, project: &bivouac_planner::Project) -> Option<Check> {
    let (template, wanted) = match project.template.resources().arm {
        true => ("ARM64", "arm64"),
        // Nothing at all is X86_64 ("Amazon ECS task definition parameters for Fargate", runtimePlatform).
        false => ("X86_64", "amd64"),
    };
    let repository = &project.ecr_repository;
    let seen = async {
        let images = registry.inventory(repository).await?;
        let runs = |image: &&ListedImage| !image.tags.is_empty() && image.kind != ManifestKind::Other;
        match images.iter().filter(runs).max_by_key(|image| image.pushed_at) {
            Some(newest) => registry.architectures(repository, &newest.digest).await,
            None => Ok(Vec::new()),
        }
    };
    let built = within(PATIENCE * 2, "ECR BatchGetImage", seen).await.ok().filter(|built| !built.is_empty())?;
    let (check, built_for) = (format!("processor of {}", project.repo), listed(&built));
    if built.iter().any(|architecture| architecture == wanted) {
        return Some(
            REGISTRY.ok(check, format!("the newest image of {repository} is for {built_for}, as the template")),
        );
    }
    let message = format!("the newest image of {repository} is for {built_for}, and the template asks for {template}");
    let fix = "set `runtimePlatform.cpuArchitecture` of the template, or build the image for its processor \
               (`docker build --platform`)";
    Some(REGISTRY.warning(check, message, fix))
}

async fn repository(registry: &dyn Registry, name: String) -> Check {
    let seen = async {
        let tag: ImageTag = NO_TAG
            .parse()
            .map_err(|_| Error::new(Meaning::Invalid, "ECR DescribeImages", format!("{NO_TAG} is no tag")))?;
        registry.image(&name, &tag).await
    };
    match bounded("ECR DescribeImages", seen).await {
        Ok(ImageView::NoRepository) => {
            let message = format!("there is no ECR repository {name} in this account and region");
            let mend = format!(
                "make it with `aws ecr create-repository --repository-name {name}`, or set `ecr_repository` of the project"
            );
            REGISTRY.problem(name, message, mend)
        }
        Ok(_) => REGISTRY.ok(name, "it is there"),
        Err(error) => REGISTRY.problem(name, error.to_string(), words::mend(&error)),
    }
}

/// What we may read, by trying; and what is not tried, since trying would change something.
async fn permissions(config: &Config, ground: &Ground) -> Vec<Check> {
    let repositories = repositories(config);
    // A stream takes three calls, one after the other.
    let reads = async { Ok(ground.site.reads(&repositories).await) };
    let mut untried = ground.site.untried();
    let mut checks = match within(PATIENCE * 3, "AWS", reads).await {
        Ok(reads) => {
            // What can be tried only where there is something to try it on was tried, then.
            untried.retain(|action| reads.iter().all(|read| read.action != *action));
            reading(config, &reads)
        }
        Err(error) => vec![PERMISSIONS.problem("reading", error.to_string(), words::mend(&error))],
    };
    let message = format!("not tried, since that could change something: {}", listed(&untried));
    checks.push(PERMISSIONS.skipped("writing", message));
    checks
}

fn reading(config: &Config, reads: &[SiteRead]) -> Vec<Check> {
    let refused = |read: &SiteRead| match &read.outcome {
        Ok(()) => None,
        Err(error) => Some(refused(config, read, error)),
    };
    let mut checks: Vec<Check> = reads.iter().filter_map(refused).collect();
    let allowed: BTreeSet<&str> =
        reads.iter().filter(|read| read.outcome.is_ok()).map(|read| read.action.as_str()).collect();
    if !allowed.is_empty() {
        let allowed: Vec<&str> = allowed.into_iter().collect();
        checks.insert(0, PERMISSIONS.ok("reading", format!("allowed: {}", listed(&allowed))));
    }
    checks
}

fn refused(config: &Config, read: &SiteRead, error: &Error) -> Check {
    let SiteRead { action, on, .. } = read;
    let check = if on == "*" { action.clone() } else { format!("{action} on {on}") };
    let by_label = |project: &crate::config::ProjectConfig| {
        project.image_commit == ImageCommit::Label && project.ecr_repository == *on
    };
    if action == "ecr:BatchGetImage" && !config.projects.iter().any(by_label) {
        let mend = format!("{}; without it no image that nothing needs is deleted", words::allow(action));
        return PERMISSIONS.warning(check, error.to_string(), mend);
    }
    let mend = match words::refusal(error) {
        Some(Refusal::Permission(_)) => words::allow(&check),
        _ => words::mend(error),
    };
    PERMISSIONS.problem(check, error.to_string(), mend)
}
