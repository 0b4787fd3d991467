//! GitHub Apps: who they are, where they are installed, and the JSON web tokens they prove themselves with.
//!
//! A token must be RS256, name the app in `iss`, and be in time by the hub's clock. The signature is verified against the
//! public key the app was registered with; an app registered without one is believed, so that a demonstration needs no key.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::HubError;
use super::answer::{DOCS, Refusal};
use super::grants::{Grants, Level, Resource};
use axum::http::StatusCode;

/// "The expiration time of the JWT, after which it can't be used to request an installation token. The time must be no
/// more than 10 minutes into the future." (docs.github.com/apps, Generating a JSON Web Token for a GitHub App.)
const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// How far in the future `iat` may be. GitHub publishes none and advises 60 s in the past "to protect against clock drift";
/// ours forgives the rounding of a second and nothing more, so that a client that ignores the advice is found out.
const DRIFT: TimeDelta = TimeDelta::seconds(1);

/// An app to register with [`Hub::register_app`](super::Hub::register_app).
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// The app's number, the `iss` of its tokens.
    pub id: u64,
    /// Its name in addresses; it writes as `SLUG[bot]`.
    pub slug: String,
    /// The account that owns it.
    pub owner: String,
    /// The RSA public key in PEM form. Absent: signatures are not looked at.
    pub public_key_pem: Option<String>,
    /// What it may do. Every app may read metadata too.
    pub permissions: Grants,
    /// The events its own webhook is sent, such as `issue_comment`.
    pub events: Vec<String>,
}

impl AppOptions {
    /// An app that may read pull requests and write comments, is sent the events of both, and whose signatures are not
    /// looked at.
    pub fn new(id: u64, slug: &str, owner: &str) -> Self {
        AppOptions {
            id,
            slug: slug.to_owned(),
            owner: owner.to_owned(),
            public_key_pem: None,
            permissions: Grants::none().with(Resource::Issues, Level::Write).with(Resource::PullRequests, Level::Read),
            events: vec!["issue_comment".to_owned(), "pull_request".to_owned()],
        }
    }
}

#[derive(Clone)]
pub(super) struct App {
    pub id: u64,
    pub slug: String,
    pub owner: String,
    pub permissions: Grants,
    pub events: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub installations: u64,
    key: Option<DecodingKey>,
}

impl App {
    /// The newer name of an app, which `iss` may carry in place of the number.
    pub fn client_id(&self) -> String {
        format!("Iv23li{:014x}", self.id)
    }

    /// The login it writes comments as.
    pub fn login(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Installation {
    pub id: u64,
    pub app: u64,
    pub account: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Apps {
    apps: BTreeMap<u64, App>,
    installations: BTreeMap<u64, Installation>,
}

impl Apps {
    pub fn register(&mut self, options: AppOptions, now: DateTime<Utc>) -> Result<(), HubError> {
        let id = options.id;
        let key = options
            .public_key_pem
            .map(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()))
            .transpose()
            .map_err(|source| HubError::PublicKey { id, source })?;
        let installations = self.apps.get(&id).map_or(0, |known| known.installations);
        let app = App {
            id,
            slug: options.slug,
            owner: options.owner,
            permissions: options.permissions,
            events: options.events,
            created_at: now,
            installations,
            key,
        };
        self.apps.insert(id, app);
        Ok(())
    }

    pub fn get(&self, id: u64) -> Option<&App> {
        self.apps.get(&id)
    }

    /// Installs an app on an account. Done twice, the first installation stays.
    pub fn install(&mut self, app: u64, account: &str, id: u64, now: DateTime<Utc>) -> Result<u64, HubError> {
        if let Some(known) = self.on_account(app, account) {
            return Ok(known.id);
        }
        self.apps.get_mut(&app).ok_or(HubError::NoApp { id: app })?.installations += 1;
        self.installations.insert(id, Installation { id, app, account: account.to_owned(), created_at: now });
        Ok(id)
    }

    pub fn installation(&self, id: u64) -> Option<&Installation> {
        self.installations.get(&id)
    }

    pub fn on_account(&self, app: u64, account: &str) -> Option<&Installation> {
        self.installations.values().find(|one| one.app == app && one.account.eq_ignore_ascii_case(account))
    }

    /// The app that a JSON web token proves, or GitHub's refusal.
    pub fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<&App, Refusal> {
        let undecodable = || refuse("A JSON web token could not be decoded");
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).map_err(|_| undecodable())?;
        if claims.header.alg != Algorithm::RS256 {
            return Err(undecodable());
        }
        let claims = claims.claims;
        let app = self
            .issuer(&claims["iss"])
            .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Integration not found", DOCS))?;
        if let Some(key) = &app.key {
            // Times are checked below, by the hub's clock and in GitHub's words.
            let mut signature_only = Validation::new(Algorithm::RS256);
            signature_only.required_spec_claims.clear();
            signature_only.validate_exp = false;
            signature_only.validate_aud = false;
            jsonwebtoken::decode::<Value>(token, key, &signature_only).map_err(|_| undecodable())?;
        }
        in_time(&claims, now)?;
        Ok(app)
    }

    /// `iss` is the app's number, as a number or as digits, or its client id.
    fn issuer(&self, claim: &Value) -> Option<&App> {
        match claim {
            Value::Number(id) => self.apps.get(&id.as_u64()?),
            Value::String(name) => match name.parse() {
                Ok(id) => self.apps.get(&id),
                Err(_) => self.apps.values().find(|app| app.client_id() == *name),
            },
            _ => None,
        }
    }
}

fn in_time(claims: &Value, now: DateTime<Utc>) -> Result<(), Refusal> {
    let at = |name: &str| claims[name].as_f64().and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0));
    let issued = at("iat").filter(|at| *at <= now + DRIFT).ok_or_else(|| {
        refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    })?;
    let expires = at("exp").filter(|at| *at > now && *at > issued).ok_or_else(|| {
        refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
             assertion expires",
        )
    })?;
    if expires - now > LONGEST {
        return Err(refuse("'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(())
}

fn refuse(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, message, DOCS)
}
