//! Who asks, and what they may do: tokens, their rights, and GitHub's ways to say no.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::answer::Refusal;
use super::grants::{Grants, Level, Need, Resource};
use super::model::{Permission, Repository, fold};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Classic(BTreeSet<String>),
    FineGrained { grants: Grants, only: Option<BTreeSet<String>> },
}

/// What a personal access token allows. The user's own permission in the repository bounds it further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights(Form);

impl Rights {
    /// A fine-grained token that may read pull requests and write comments: what the daemon needs.
    pub fn commenter() -> Self {
        Rights::fine_grained(Level::Write, Level::Read)
    }

    /// A fine-grained token that may read and not write.
    pub fn reader() -> Self {
        Rights::fine_grained(Level::Read, Level::Read)
    }

    /// A fine-grained token with these levels for issues (which covers comments) and pull requests.
    pub fn fine_grained(issues: Level, pull_requests: Level) -> Self {
        let grants = Grants::none().with(Resource::Issues, issues).with(Resource::PullRequests, pull_requests);
        Rights::granted(grants)
    }

    /// A fine-grained token with these permissions.
    pub fn granted(grants: Grants) -> Self {
        Rights(Form::FineGrained { grants, only: None })
    }

    /// Adds a permission to a fine-grained token, or changes it. A classic one has scopes instead.
    #[must_use]
    pub fn with(mut self, resource: Resource, level: Level) -> Self {
        if let Form::FineGrained { grants, .. } = &mut self.0 {
            *grants = grants.clone().with(resource, level);
        }
        self
    }

    /// A classic token with these scopes. `repo`, `public_repo`, `repo_deployment`, `read:org` and `read:repo_hook`, and
    /// what includes those, matter here; all are told in `X-OAuth-Scopes`.
    pub fn classic<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Self {
        Rights(Form::Classic(scopes.into_iter().map(str::to_owned).collect()))
    }

    /// Limits a fine-grained token to these repositories, `owner/name`. A classic one knows no such limit.
    #[must_use]
    pub fn only<'a>(mut self, repositories: impl IntoIterator<Item = &'a str>) -> Self {
        if let Form::FineGrained { only, .. } = &mut self.0 {
            *only = Some(repositories.into_iter().map(fold).collect());
        }
        self
    }

    /// The value of `X-OAuth-Scopes`; only classic tokens have it.
    pub(super) fn scopes(&self) -> Option<String> {
        match &self.0 {
            Form::Classic(scopes) => Some(scopes.iter().cloned().collect::<Vec<_>>().join(", ")),
            Form::FineGrained { .. } => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Caller {
    Anonymous,
    Person { login: String, rights: Rights },
    Installation { app: u64, installation: u64, account: String, login: String, rights: Rights },
    App { app: u64 },
}

impl Caller {
    /// The name in the request log.
    pub fn name(&self) -> String {
        match self {
            Caller::Anonymous => "anonymous".to_owned(),
            Caller::Person { login, .. } | Caller::Installation { login, .. } => login.clone(),
            Caller::App { app } => format!("app/{app}"),
        }
    }

    /// The name that requests count under: all tokens of a user share one quota, every installation has its own.
    pub fn quota_name(&self) -> String {
        match self {
            Caller::Installation { installation, .. } => format!("installation/{installation}"),
            other => fold(&other.name()),
        }
    }

    pub fn login(&self) -> Option<&str> {
        match self {
            Caller::Person { login, .. } | Caller::Installation { login, .. } => Some(login),
            Caller::Anonymous | Caller::App { .. } => None,
        }
    }

    pub fn app(&self) -> Option<u64> {
        match self {
            Caller::Installation { app, .. } => Some(*app),
            _ => None,
        }
    }

    /// What the caller may do in a repository, as the `permissions` field and the push checks see it.
    pub fn permission(&self, repository: &Repository) -> Permission {
        let public = if repository.private { Permission::None } else { Permission::Read };
        match self {
            Caller::Anonymous | Caller::App { .. } => public,
            Caller::Person { login, rights } if covers(rights, repository) => repository.permission(login),
            Caller::Person { .. } => public,
            Caller::Installation { account, rights, .. } => {
                let here = repository.owner.eq_ignore_ascii_case(account) && covers(rights, repository);
                if here { Permission::Write } else { public }
            }
        }
    }

    /// Lets read who belongs to a team of an organization, or says no: a classic token needs `read:org`, all others the
    /// organization permission "Members" (docs.github.com/rest/teams/members, Get team membership for a user).
    pub fn check_members(&self, organization: &str) -> Result<(), Refusal> {
        match self {
            Caller::Anonymous => Err(Refusal::requires_authentication()),
            Caller::App { .. } => Err(Refusal::not_by("integration")),
            Caller::Person { rights, .. } => match &rights.0 {
                Form::Classic(scopes) if Need::ReadMembers.opened_by(scopes) => Ok(()),
                // GitHub names the scopes that would do in `X-Accepted-OAuth-Scopes`, and the team stays hidden.
                Form::Classic(_) => Err(Refusal::not_found()),
                Form::FineGrained { grants, .. } if grants.allow(Need::ReadMembers) => Ok(()),
                Form::FineGrained { .. } => Err(Refusal::not_by("personal access token")),
            },
            Caller::Installation { account, rights, .. } => {
                let here = organization.eq_ignore_ascii_case(account);
                match &rights.0 {
                    Form::FineGrained { grants, .. } if here && grants.allow(Need::ReadMembers) => Ok(()),
                    _ => Err(Refusal::not_by("integration")),
                }
            }
        }
    }

    /// Lets pass, or says no the way GitHub does: 404 for what the caller may not even see, 401 where nobody asks,
    /// 403 where the token lacks the right.
    pub fn check(&self, repository: &Repository, need: Need) -> Result<(), Refusal> {
        if self.permission(repository) == Permission::None {
            return Err(Refusal::not_found());
        }
        if need.is_public(repository.private) {
            return Ok(());
        }
        match self {
            Caller::Anonymous => Err(Refusal::requires_authentication()),
            Caller::App { .. } => Err(Refusal::not_by("integration")),
            Caller::Person { rights, .. } => match &rights.0 {
                Form::Classic(scopes) if covers(rights, repository) || need.opened_by(scopes) => Ok(()),
                // A classic token without the scope is not told that the thing exists.
                Form::Classic(_) => Err(Refusal::not_found()),
                Form::FineGrained { .. } if allows(rights, repository, need) => Ok(()),
                Form::FineGrained { .. } => Err(Refusal::not_by("personal access token")),
            },
            Caller::Installation { account, rights, .. } => {
                let here = repository.owner.eq_ignore_ascii_case(account);
                if here && allows(rights, repository, need) { Ok(()) } else { Err(Refusal::not_by("integration")) }
            }
        }
    }
}

fn covers(rights: &Rights, repository: &Repository) -> bool {
    match &rights.0 {
        Form::Classic(scopes) => scopes.contains("repo") || (scopes.contains("public_repo") && !repository.private),
        Form::FineGrained { only, .. } => {
            only.as_ref().is_none_or(|only| only.contains(&fold(&repository.full_name())))
        }
    }
}

fn allows(rights: &Rights, repository: &Repository, need: Need) -> bool {
    match &rights.0 {
        Form::Classic(_) => covers(rights, repository),
        Form::FineGrained { grants, .. } => grants.allow(need) && covers(rights, repository),
    }
}

#[derive(Debug, Clone)]
struct Grant {
    caller: Caller,
    expires_at: Option<DateTime<Utc>>,
}

/// The tokens that are known.
#[derive(Debug, Default)]
pub(super) struct Tokens(BTreeMap<String, Grant>);

impl Tokens {
    pub fn add(&mut self, token: &str, caller: Caller, expires_at: Option<DateTime<Utc>>) {
        self.0.insert(token.to_owned(), Grant { caller, expires_at });
    }

    pub fn revoke(&mut self, token: &str) {
        self.0.remove(token);
    }

    /// Makes all tokens of a login worthless.
    pub fn revoke_all(&mut self, login: &str) {
        self.0.retain(|_, grant| !grant.caller.login().is_some_and(|one| one.eq_ignore_ascii_case(login)));
    }

    pub fn caller(&self, token: &str, now: DateTime<Utc>) -> Option<Caller> {
        let grant = self.0.get(token)?;
        grant.expires_at.is_none_or(|end| now < end).then(|| grant.caller.clone())
    }
}
