//! `[github]`: the forge, and who we are to it.

use std::path::Path;

use super::reader::Section;
use super::secret::Secret;

/// `[github]`.
#[derive(Clone, Debug)]
pub struct Github {
    /// `api_url`: the API, without a slash at the end. Default `https://api.github.com`.
    pub api_url: String,
    /// `token_file` (or the variable `BIVOUAC__GITHUB__TOKEN`), or `app_id` with `private_key_file`
    /// (or `BIVOUAC__GITHUB__PRIVATE_KEY`). Only what speaks to the forge needs them.
    pub credentials: Option<Credentials>,
    /// `webhook_secret_file` (or `BIVOUAC__GITHUB__WEBHOOK_SECRET`): what webhooks are signed with.
    /// Several, one a line, while one replaces another.
    pub webhook_secret: Option<Secret>,
    /// `deployments`: environments are shown as GitHub Deployments too. Default false.
    pub deployments: bool,
    /// `environment`: the one environment on GitHub that all deployments share, and the name of the check run. Default
    /// `testenv`.
    pub environment: String,
    /// `check_run`: a check run of the commit says how its environment is; needs an app. Default false.
    pub check_run: bool,
}

/// Who we are to the forge.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token.
    Token(Secret),
    /// An app, with its private key in PEM form.
    App {
        /// `app_id`.
        id: u64,
        /// `private_key_file`.
        private_key: Secret,
    },
}

/// "Environment names are not case sensitive. An environment name may not exceed 255 characters" (GitHub, "Managing
/// environments for deployment").
const MAX_ENVIRONMENT: usize = 255;

pub(super) fn read(section: Section<'_>, dir: &Path) -> Github {
    let api_url = section.parsed("api_url", api_url);
    let token = section.secret("token", "token_file");
    let app_id = section.integer("app_id", 1..=u64::from(u32::MAX));
    let private_key = section.secret("private_key", "private_key_file");
    let webhook_secret = section.secret("webhook_secret", "webhook_secret_file");
    let deployments = section.boolean("deployments").unwrap_or(false);
    let check_run = section.boolean("check_run").unwrap_or(false);
    let environment = section.text_of("environment", "a name of 1 to 255 characters", |text| {
        (1..=MAX_ENVIRONMENT).contains(&text.chars().count())
            && text.trim() == text
            && !text.chars().any(char::is_control)
    });
    if check_run && app_id.is_none() {
        section
            .problem("check_run", "`github.check_run` needs an app (`github.app_id`): a token cannot make check runs");
    }
    let credentials = match (token, app_id, private_key) {
        (Some(_), Some(_), _) => {
            let sentence = "`github.app_id` and a token are two ways to be somebody: keep one of them";
            section.problem("app_id", sentence);
            None
        }
        (Some(token), None, _) => Some(Credentials::Token(token.within(dir))),
        (None, Some(id), Some(key)) => Some(Credentials::App { id, private_key: key.within(dir) }),
        (None, Some(_), None) => {
            // A wrong value of either was said already.
            if !section.has("private_key_file") && !section.has("private_key") {
                section.problem("app_id", "`github.app_id` needs `github.private_key_file`, the path to the app's key");
            }
            None
        }
        (None, None, Some(_)) => {
            if !section.has("app_id") {
                section
                    .problem("private_key_file", "`github.private_key_file` needs `github.app_id`, the app's number");
            }
            None
        }
        (None, None, None) => None,
    };
    let github = Github {
        api_url: api_url.unwrap_or_else(|| "https://api.github.com".into()),
        credentials,
        webhook_secret: webhook_secret.map(|secret| secret.within(dir)),
        deployments,
        environment: environment.unwrap_or_else(|| "testenv".into()),
        check_run,
    };
    section.done();
    github
}

fn api_url(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or("it has to begin with https:// or http://")?;
    // Such a text could hold a password, so it is not repeated.
    if rest.contains('@') {
        return Err("it must not hold a user or a password");
    }
    let plain = rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'<' | b'>' | b'\\'));
    if rest.is_empty() || rest.starts_with(['/', ':']) || !plain {
        return Err("it is not an address such as https://api.github.com");
    }
    Ok(text.trim_end_matches('/').to_owned())
}
