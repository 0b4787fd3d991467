//! The door itself.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bivouac_model::{Branch, CommentView, EnvKey, PullRequest, RepoName, SaidComment};
use bivouac_ports::{Forge, ForgeHealth, Meter, OpenPullRequests, Push, RepoNames, Result};

use crate::activities::Activities;
use crate::author::Ourselves;
use crate::beside::Beside;
use crate::client::Client;
use crate::comment::Renderer;
use crate::doctor::Switched;
use crate::doubt::Doubt;
use crate::posted::Posted;
use crate::pulls::{self, Pulls};
use crate::reactions::Reactions;
use crate::replies::Replies;
use crate::reviews::Reviews;
use crate::settings::{Settings, SetupError};
use crate::sticky::Sticky;

/// GitHub, or GitHub Enterprise.
///
/// One for the whole process: what keeps writes apart and comments single is in here. Two processes with one account and
/// one instance name can still make two comments if they say their first word at the same moment; the controller's lease
/// keeps them from it.
pub struct GitHub {
    pub(crate) client: Arc<Client>,
    pub(crate) replies: Replies,
    pub(crate) reactions: Reactions,
    pub(crate) posted: Posted,
    pub(crate) reviews: Reviews,
    pub(crate) switched: Switched,
    sticky: Sticky,
    pulls: Pulls,
    activities: Activities,
    beside: Option<Beside>,
}

impl GitHub {
    /// The door, not yet opened: nothing is sent before the first call. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`SetupError`] when the settings cannot work.
    pub fn new(settings: Settings, meter: Arc<dyn Meter>) -> std::result::Result<Self, SetupError> {
        let client = Arc::new(Client::new(&settings, meter)?);
        let renderer = Renderer::new(&settings.instance, settings.web_url());
        let (ourselves, doubt) = (Arc::new(Ourselves::default()), Doubt::new(settings.doubt.clone()));
        Ok(Self {
            switched: Switched { deployments: settings.deployments, check_run: settings.check_run },
            beside: Beside::new(&settings, &client, &ourselves, &doubt),
            client,
            replies: Replies::new(&settings.instance, Arc::clone(&ourselves), doubt.clone()),
            reactions: Reactions::default(),
            posted: Posted::default(),
            reviews: Reviews::default(),
            sticky: Sticky::new(renderer, ourselves, doubt),
            pulls: Pulls::default(),
            activities: Activities::default(),
        })
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("is_app", &self.client.is_app()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Forge for GitHub {
    async fn say(&self, view: &CommentView, said: Option<&SaidComment>) -> Result<SaidComment> {
        let said = self.sticky.say(&self.client, view, said).await?;
        if let Some(beside) = self.beside.as_ref().filter(|_| said.id.is_some()) {
            beside.tell(view, &said);
        }
        Ok(said)
    }

    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>> {
        self.pulls.one(&self.client, key).await
    }

    async fn open_pull_requests(&self, repo: &RepoName) -> Result<OpenPullRequests> {
        self.pulls.open(&self.client, repo).await
    }

    async fn pushes(&self, repo: &RepoName, branch: &Branch) -> Result<Option<Vec<Push>>> {
        self.activities.pushes(&self.client, repo, branch).await
    }

    async fn commits(&self, key: &EnvKey) -> Result<Vec<String>> {
        pulls::commits(&self.client, key).await
    }

    fn health(&self) -> ForgeHealth {
        self.client.health().clone()
    }

    fn names(&self) -> RepoNames {
        self.client.names().clone()
    }
}
