//! `[[project]]`: one repository and how its environments are made.

use std::path::{Path, PathBuf};

use bivouac_model::{MAX_NAME_LENGTH, RepoName};
use bivouac_planner::{ImageCommit, Pattern};
use bivouac_policy::{LogsInComments, VariableRules};
use wildmatch::WildMatch;

use super::PROJECT;
use super::key_path::shown;
use super::reader::Section;
use super::secret::Secret;

/// A `[[project]]`, but for what its template holds.
#[derive(Clone, Debug)]
pub struct ProjectConfig {
    /// `repo`: the repository on the forge, `owner/name`. Required.
    pub repo: RepoName,
    /// `ecr_repository`: the repository in the registry. Required.
    pub ecr_repository: String,
    /// `task_definition`: the path to the template. Required.
    pub task_definition: PathBuf,
    /// `containers`: the containers of the template that get the image, the flags and the configuration. Required.
    pub containers: Vec<String>,
    /// `port`: the port that is published. Default 8080.
    pub port: u16,
    /// `health_path`: where to ask whether it is well; empty: a running task is ready. Default `/health`.
    pub health_path: Option<String>,
    /// `idle_path`: where the application says when it was last used, as `guardrails.idle_after` needs it. Default empty:
    /// nowhere.
    pub idle_path: Option<String>,
    /// `service_name`: names of services. Default `pr-{pr}-service`.
    pub service_name: Pattern,
    /// `image_tag`: tags of images. Default `pr-{pr}-ci`.
    pub image_tag: Pattern,
    /// `image_commit`: how an image is known to be of the commit that was approved. Default `tag` where `image_tag` holds
    /// `{sha}` or `{sha7}`, else `push-time`.
    pub image_commit: ImageCommit,
    /// `flag_prefix`, `flags_allow`, `config_allow` and `secrets_override`: which environment variables a record may set.
    /// Default no prefix, and empty lists.
    pub variables: VariableRules,
    /// `webhook_secret_file` (or `BIVOUAC__PROJECT__N__WEBHOOK_SECRET`): what the webhooks of this repository are signed with,
    /// and of no other one. Several, one a line, while one replaces another. Default `github.webhook_secret_file`.
    pub webhook_secret: Option<Secret>,
    /// `ready_note`: what people are told once it is ready. Default nothing.
    pub ready_note: Option<String>,
    /// `exec`: whether ECS Exec is enabled for its services, so that people with the right in AWS may open a shell in their
    /// containers. Default no.
    pub exec: bool,
    /// `logs_in_comments`: when lines of its log stand in comments on pull requests. Default never.
    pub logs_in_comments: LogsInComments,
    /// The number of the project, from 0.
    pub(super) number: usize,
}

const IMAGE_COMMITS: [(&str, ImageCommit); 4] = [
    ("tag", ImageCommit::Tag),
    ("push-time", ImageCommit::PushTime),
    ("label", ImageCommit::Label),
    ("unchecked", ImageCommit::Unchecked),
];

const LOGS_IN_COMMENTS: [(&str, LogsInComments); 3] =
    [("never", LogsInComments::Never), ("failure", LogsInComments::Failure), ("always", LogsInComments::Always)];

/// A note is a sentence or two; the whole comment has 65,536 characters (GitHub).
const MAX_NOTE: usize = 4096;
/// "Containers in a task definition: 10" (Amazon ECS service quotas).
const MAX_CONTAINERS: usize = 10;
/// Far more patterns than a person keeps in view.
const MAX_PATTERNS: usize = 100;

pub(super) fn read_all(root: &Section<'_>, dir: &Path) -> Vec<ProjectConfig> {
    let section = root.section(PROJECT);
    let mut names: Vec<(usize, &str)> = Vec::new();
    for name in section.names() {
        match name.parse() {
            // `01` would be a second name for `1`.
            Ok(number) if format!("{number}") == name => names.push((number, name)),
            _ => section.problem(name, format!("`project[{}]`: projects are numbered from 0", shown(name))),
        }
    }
    names.sort_unstable();
    if section.names().is_empty() && !section.broken() {
        let sentence = "no `[[project]]` says which repository has environments; there has to be one at least";
        root.problem(PROJECT, sentence);
    }
    let projects: Vec<_> =
        names.into_iter().filter_map(|(number, name)| read(section.section(name), number, dir)).collect();
    distinct(&section, &projects);
    projects
}

/// `None` when a key without a default is missing or wrong, which was said by then.
fn read(section: Section<'_>, number: usize, dir: &Path) -> Option<ProjectConfig> {
    let repo = section.parsed("repo", str::parse::<RepoName>);
    let repo = section.required("repo", "the repository on GitHub, owner/name", repo);
    let registry = section.parsed("ecr_repository", ecr_repository);
    let registry = section.required("ecr_repository", "the ECR repository that its images are in", registry);
    let template = section.text_of("task_definition", "the path to a task definition", |text| !text.is_empty());
    let template = section.required("task_definition", "the path to the template of its task definitions", template);
    let containers = section.list("containers", "1 to 10 different names of containers of the template", |list| {
        let twice = list.iter().enumerate().any(|(at, name)| list[..at].contains(name));
        !twice && (1..=MAX_CONTAINERS).contains(&list.len()) && list.iter().all(|name| !name.is_empty())
    });
    let containers = section.required("containers", "the containers of the template that get the image", containers);
    let port = section.integer("port", 1..=u64::from(u16::MAX)).and_then(|port| u16::try_from(port).ok());
    let health_path = section.text_of("health_path", "a path such as /health, or empty for no probe", path_or_empty);
    let idle_path = section.text_of("idle_path", "a path such as /idle, or empty if there is none", path_or_empty);
    let service_name = section.parsed("service_name", Pattern::service_name);
    let image_tag = section.parsed("image_tag", Pattern::image_tag);
    let image_tag = image_tag.or_else(|| Pattern::image_tag("pr-{pr}-ci").ok())?;
    let image_commit = section.choice("image_commit", &IMAGE_COMMITS);
    if image_commit == Some(ImageCommit::Tag) && !image_tag.names_a_commit() {
        let sentence = format!(
            "`{}` is `tag`, but the pattern `{image_tag}` of image_tag holds neither {{sha}} nor {{sha7}}",
            section.name("image_commit")
        );
        section.problem("image_commit", sentence);
    }
    let flag_prefix = section.text_of("flag_prefix", "letters, digits and `_`, not beginning with a digit", |text| {
        text.len() <= MAX_NAME_LENGTH
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    let variables = VariableRules {
        flag_prefix: flag_prefix.unwrap_or_default(),
        flags_allow: patterns(&section, "flags_allow", "up to 100 patterns of names such as BETA_*"),
        config_allow: patterns(&section, "config_allow", "up to 100 patterns of names such as SUPERSET_*"),
        secrets_override: section
            .list("secrets_override", "up to 100 names of secrets of the template such as DATABASE_URL", |list| {
                let name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                list.len() <= MAX_PATTERNS && list.iter().all(|text| !text.is_empty() && text.bytes().all(name))
            })
            .unwrap_or_default(),
    };
    let webhook_secret = section.secret("webhook_secret", "webhook_secret_file");
    let ready_note = section.text_of("ready_note", "a text of at most 4096 bytes", |text| text.len() <= MAX_NOTE);
    let exec = section.boolean("exec");
    let logs_in_comments = section.choice("logs_in_comments", &LOGS_IN_COMMENTS);
    section.done();
    Some(ProjectConfig {
        repo: repo?,
        ecr_repository: registry?,
        task_definition: dir.join(template?),
        containers: containers?,
        port: port.unwrap_or(8080),
        health_path: health_path.map_or_else(|| Some("/health".into()), |path| Some(path).filter(|p| !p.is_empty())),
        idle_path: idle_path.filter(|path| !path.is_empty()),
        service_name: service_name.or_else(|| Pattern::service_name("pr-{pr}-service").ok())?,
        image_commit: image_commit.unwrap_or_else(|| ImageCommit::default_for(&image_tag)),
        image_tag,
        webhook_secret: webhook_secret.map(|secret| secret.within(dir)),
        variables,
        ready_note: ready_note.filter(|note| !note.is_empty()),
        exec: exec.unwrap_or(false),
        logs_in_comments: logs_in_comments.unwrap_or_default(),
        number,
    })
}

/// A list of patterns of names; empty where there is none, or where it is wrong, which was said by then.
fn patterns(section: &Section<'_>, key: &'static str, allowed: &'static str) -> Vec<WildMatch> {
    let list = section.list(key, allowed, |list| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'*' | b'?');
        list.len() <= MAX_PATTERNS && list.iter().all(|text| !text.is_empty() && text.bytes().all(letter))
    });
    list.unwrap_or_default().iter().map(|pattern| WildMatch::new(pattern)).collect()
}

/// What a probe can ask for, or nothing.
fn path_or_empty(text: &str) -> bool {
    let graphic = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    text.is_empty() || (text.starts_with('/') && text.len() <= 1024 && graphic)
}

/// The name of a repository of ECR.
///
/// # Errors
/// A sentence. Of the address of an image it says which part is the name: `docker push` takes the address, and ECR the name.
fn ecr_repository(text: &str) -> Result<String, String> {
    let allowed = "it should be the name of an ECR repository such as superset-ci";
    let bare = text.trim_start_matches("https://").trim_start_matches("http://");
    let registry = bare.split_once('/').filter(|(host, _)| is_registry(host));
    let Some((host, rest)) = registry else {
        return if ecr_name(text) { Ok(text.to_owned()) } else { Err(format!("\"{}\": {allowed}", shown(text))) };
    };
    let name = rest.split(['@', ':']).next().unwrap_or_default();
    match ecr_name(name) {
        true => Err(format!(
            "\"{}\" is the address of an image; write \"{name}\", without the registry {host}",
            shown(text)
        )),
        false => Err(format!("\"{}\": {allowed}", shown(text))),
    }
}

/// Whether the first part of an address is the host of a registry. A private registry of ECR is
/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, `.com.cn` in China, and `ACCOUNT.dkr-ecr.REGION.on.aws` on both stacks (Amazon ECR
/// user guide, "Private registry"). The others are the usual ones, in which images for ECS are kept too.
fn is_registry(host: &str) -> bool {
    let is_private =
        [".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."].iter().any(|part| host.contains(part));
    is_private || matches!(host, "public.ecr.aws" | "ghcr.io" | "docker.io" | "quay.io" | "gcr.io")
}

/// "The repository name must start with a letter and can only contain lowercase letters, numbers, hyphens, underscores,
/// periods and forward slashes", 2 to 256 characters (ECR API reference, `CreateRepository`).
fn ecr_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b'/');
    (2..=256).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(letter)
}

/// No repository twice, and no two projects that could give two environments one service.
fn distinct(section: &Section<'_>, projects: &[ProjectConfig]) {
    for (at, project) in projects.iter().enumerate() {
        let number = project.number.to_string();
        for other in &projects[..at] {
            // GitHub does not tell names apart by case.
            if project.repo.as_str().eq_ignore_ascii_case(other.repo.as_str()) {
                let sentence = format!(
                    "`project[{number}].repo` is `{}`, as `project[{}]` is already",
                    project.repo, other.number
                );
                section.section(&number).problem("repo", sentence);
            } else if project.service_name.collides_with(&other.service_name) {
                let sentence = format!(
                    "services of {} and {} could have the same name (`{}` and `{}`); give one of them another `service_name`",
                    project.repo, other.repo, project.service_name, other.service_name
                );
                section.section(&number).problem("service_name", sentence);
            }
        }
    }
}
