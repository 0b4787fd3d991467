//! What the door needs to know, and what can be wrong with it at the start.

use std::sync::Arc;
use std::time::Duration;

use bivouac_ports::SharedSecret;
use http::{HeaderValue, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::EncodingKey;
use octocrab::auth::AppAuth;
use octocrab::models::AppId;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use rustls::crypto::aws_lc_rs;
use secrecy::{ExposeSecret, SecretString};

use crate::budget::ContentLimits;

/// How we name ourselves to GitHub, which refuses requests without a name and asks for that of the application
/// (docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api, "User agent required").
const USER_AGENT: &str = concat!("bivouac/", env!("CARGO_PKG_VERSION"));

/// Who we are to GitHub. Secrets may change at any time: the next request uses the new one. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A personal access token, classic (scope `repo` or `public_repo`) or fine-grained ("Pull requests" read and write).
    /// [`GitHub::check`](crate::GitHub::check) tells what else the bot takes.
    Token(SharedSecret),
    /// A GitHub App, installed where the projects are.
    App {
        /// Its number.
        id: u64,
        /// Its RSA private key in PEM form, as GitHub lets one download it.
        private_key: SharedSecret,
    },
}

impl Credentials {
    /// The part that is secret.
    pub(crate) fn secret(&self) -> &SharedSecret {
        match self {
            Self::Token(secret) | Self::App { private_key: secret, .. } => secret,
        }
    }
}

/// How to reach GitHub and how to behave there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The root of the REST interface: `https://api.github.com`, `https://HOST/api/v3` of GitHub Enterprise Server, or a
    /// test's address. A path is kept.
    pub api_url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// The name of this controller; its comments are its own even if two share an account.
    pub instance: String,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for a whole answer.
    pub timeout: Duration,
    /// How far apart content is written.
    pub write_gap: Duration,
    /// How long a write waits for its turn before it is told to come again. To be well below the time after which the caller
    /// gives a write up.
    pub write_patience: Duration,
    /// How much content may be written, and which part of it for whom.
    pub content: ContentLimits,
    /// When to look whether a comment was made, after its answer was lost: one look after each pause.
    pub doubt: Vec<Duration>,
    /// Whether GitHub Deployments tell where a commit runs. Off by default.
    pub deployments: bool,
    /// Whether a check run on the commit tells it; for GitHub Apps only. Off by default.
    pub check_run: bool,
    /// The name of the one environment on GitHub that all deployments share, and of the check run.
    pub environment: String,
}

impl Settings {
    /// Settings with the times that suit GitHub.
    pub fn new(api_url: impl Into<String>, credentials: Credentials, instance: impl Into<String>) -> Self {
        Self {
            api_url: api_url.into(),
            credentials,
            instance: instance.into(),
            // Ours: a TCP and a TLS handshake around the world, with one lost packet.
            connect_timeout: Duration::from_secs(5),
            // GitHub ends a request itself after 10 s (docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api,
            // "Timeouts"); a little more, so that its own answer arrives.
            timeout: Duration::from_secs(12),
            // "wait at least one second between each request" (docs.github.com/rest/using-the-rest-api/
            // best-practices-for-using-the-rest-api, "Pause between mutative requests").
            write_gap: Duration::from_secs(1),
            // Ours: less than half of what the controller gives a write at a lease of 15 s (4.75 s), so that the other half is
            // for the request. Who is cut off while it waits loses its turn, and who always is never gets one.
            write_patience: Duration::from_secs(2),
            content: ContentLimits::github(),
            // Ours: lists lag behind writes by well under a second as a rule. What both looks miss, the next call finds,
            // since it looks before it writes.
            doubt: vec![Duration::from_secs(1), Duration::from_secs(3)],
            deployments: false,
            check_run: false,
            environment: "testenv".to_owned(),
        }
    }

    /// The root of the pages for people that belongs to `api_url`.
    pub(crate) fn web_url(&self) -> String {
        let api = self.api_url.trim_end_matches('/');
        let api = api.strip_suffix("/api/v3").unwrap_or(api);
        // api.github.com and api.NAME.ghe.com serve github.com and NAME.ghe.com.
        api.replacen("://api.", "://", 1)
    }

    /// octocrab for these settings and one secret. Needs a tokio runtime, on which octocrab runs its queue.
    ///
    /// Made of its parts: octocrab's own client always names itself in a `User-Agent`, and adds ours as a second one.
    pub(crate) fn octocrab(&self, secret: &SecretString) -> Result<Octocrab, SetupError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(SetupError::NoRuntime);
        }
        let uri: Uri = self.api_url.parse().map_err(|_| SetupError::ApiUrl)?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        // A query would come between the root and the paths; credentials would show in errors.
        let bare = uri.query().is_none() && uri.authority().is_some_and(|host| !host.as_str().contains('@'));
        if !web || !bare {
            return Err(SetupError::ApiUrl);
        }
        if self.check_run && matches!(self.credentials, Credentials::Token(_)) {
            return Err(SetupError::CheckRun);
        }
        // Files end with a newline.
        let secret = secret.expose_secret().trim();
        let auth = match &self.credentials {
            Credentials::Token(_) => {
                if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(SetupError::Token);
                }
                AuthState::AccessToken { token: SecretString::from(secret) }
            }
            Credentials::App { id, .. } => {
                let key = EncodingKey::from_rsa_pem(secret.as_bytes()).map_err(|_| SetupError::PrivateKey)?;
                // Some forms are read only when something is signed.
                jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256), &(), &key)
                    .map_err(|_| SetupError::PrivateKey)?;
                AuthState::App(AppAuth { app_id: AppId(*id), key })
            }
        };
        let mut tcp = HttpConnector::new();
        // The connector around it tells the two schemes apart.
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(aws_lc_rs::default_provider())
            .map_err(|source| SetupError::Client { source })?;
        let mut connector = TimeoutConnector::new(tls.https_or_http().enable_http1().wrap_connector(tcp));
        connector.set_connect_timeout(Some(self.connect_timeout));
        let ourselves = vec![(http::header::USER_AGENT, HeaderValue::from_static(USER_AGENT))];
        let built = OctocrabBuilder::new_empty()
            .with_service(Client::builder(TokioExecutor::new()).build(connector))
            .with_layer(&ExtraHeadersLayer::new(Arc::new(ourselves)))
            .with_layer(&BaseUriLayer::new(uri))
            .with_auth(auth)
            .build();
        match built {
            Ok(crab) => Ok(crab),
            Err(never) => match never {},
        }
    }
}

/// Why the door cannot be made. A person has to change the configuration. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is none.
    #[error("github.api_url is not an http or https address without credentials and query")]
    ApiUrl,
    /// The token cannot be one. What it holds is not said.
    #[error("the GitHub token is empty or holds a character that no token has")]
    Token,
    /// The key cannot be read. What it holds is not said, and neither is the reader's complaint.
    #[error("the private key of the GitHub App is not an RSA key in PEM form")]
    PrivateKey,
    /// "Write permission for the REST API to interact with checks is only available to GitHub Apps." (REST API, "Check runs")
    #[error("check runs are written by GitHub Apps only, not with a token: use an app, or switch them off")]
    CheckRun,
    /// Made outside of tokio.
    #[error("the GitHub client was made outside of a tokio runtime")]
    NoRuntime,
    /// The HTTP client cannot be made, for instance since the machine has no certificates.
    #[error("the GitHub client cannot be made")]
    Client {
        /// What the TLS library said.
        #[source]
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(api_url: &str, token: &str) -> Settings {
        Settings::new(api_url, Credentials::Token(token.into()), "default")
    }

    #[test]
    fn pages_for_people_stand_beside_the_interface() {
        for (api, web) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.acme.ghe.com/", "https://acme.ghe.com"),
            ("https://git.example.org/api/v3", "https://git.example.org"),
            ("http://127.0.0.1:4010", "http://127.0.0.1:4010"),
        ] {
            assert_eq!(settings(api, "t").web_url(), web);
        }
    }

    #[tokio::test]
    async fn what_cannot_work_is_refused_at_the_start_and_no_secret_is_told() {
        let crab = |settings: &Settings| settings.octocrab(settings.credentials.secret().current().value());
        let refused = |settings: &Settings| match crab(settings) {
            Ok(_) => panic!("taken: {settings:?}"),
            Err(error) => format!("{error} {error:?} {settings:?}"),
        };
        for bad in ["", "api.github.com", "ftp://h", "https://me:secret@h", "https://h?x=1", "https://h h"] {
            assert!(refused(&settings(bad, "t")).contains("api_url"), "{bad}");
        }
        let key = Credentials::App { id: 1, private_key: "BEGIN hunter2".into() };
        let key = Settings::new("https://h", key, "default");
        for said in [refused(&settings("https://h", "hunter2 x")), refused(&key), refused(&settings("https://h", "\n"))]
        {
            assert!(!said.contains("hunter2"), "{said}");
        }
        let check_run = Settings { check_run: true, ..settings("https://h", "t") };
        assert!(refused(&check_run).contains("GitHub Apps only"));
        // A file's last newline is no part of the token.
        assert!(crab(&settings("http://127.0.0.1:1", "hunter2\n")).is_ok());
    }

    #[test]
    fn outside_of_a_runtime_it_says_so() {
        assert!(matches!(settings("https://h", "t").octocrab(&"t".into()), Err(SetupError::NoRuntime)));
    }
}
