//! A short story for `bivouac dev`: three pull requests, one of which has its image late and one of which expires.
//!
//! It is told by people: they open pull requests on the embedded forge and comment on them through its interface, and their
//! workflows push images to the embedded registry. Nobody has a private way into the controller or the bot.

use std::sync::Arc;
use std::time::Duration;

use bivouac_simcloud::SimCloud;
use bivouac_simcloud::github::{Hub, HubError};
use tokio::sync::mpsc::UnboundedSender;

use super::News;
use super::people::{Browser, CommentError, MAINTAINER, OUTSIDER};

/// The repository of the story.
pub const REPOSITORY: &str = "acme/hello";
/// The registry's repository.
pub const ECR_REPOSITORY: &str = "hello";
/// Where the outsider works.
const FORK: &str = "otto/hello";

/// What the story is told with.
pub struct Story {
    /// The embedded AWS.
    pub cloud: Arc<SimCloud>,
    /// The embedded forge.
    pub hub: Hub,
    /// The way in that people have.
    pub browser: Browser,
    /// Whom it is told to.
    pub tell: UnboundedSender<News>,
}

/// Why the story broke off.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The embedded forge refused something.
    #[error("the embedded forge refused")]
    Hub(#[from] HubError),
    /// A comment was not written.
    #[error(transparent)]
    Comment(#[from] CommentError),
}

/// Opens the first pull request, whose image is there. It is there without the story too, so that there is something to
/// comment on. Answers its number.
///
/// # Errors
/// When the repository is not there.
pub fn begin(cloud: &SimCloud, hub: &Hub) -> Result<u64, HubError> {
    let head = "3b1f8a29c04d5e6f7a8b9c0d1e2f3a4b5c6d7e8f";
    let pr = hub.open_pull_request(REPOSITORY, "Greet the world in colour", MAINTAINER.login, head, None)?;
    cloud.ecr().push_image(ECR_REPOSITORY, &tag(pr));
    Ok(pr)
}

impl Story {
    /// Tells the story once, from the pull request that [`begin`] opened; takes about fifty-five seconds.
    ///
    /// # Errors
    /// When the embedded cloud refuses a part of it.
    pub async fn run(self, first: u64) -> Result<(), StoryError> {
        self.browser.comment(MAINTAINER, first, "/testenv up FEATURE_GREEN=true").await?;
        self.pause(5).await;

        let head = "9c2e4d6f8a0b1c3d5e7f90123456789abcdef012";
        let second = self.hub.open_pull_request(REPOSITORY, "Greet the moon too", MAINTAINER.login, head, None)?;
        self.say(format!("#{second} is opened; its image is still being built"));
        self.browser.comment(MAINTAINER, second, "/testenv up").await?;
        self.pause(4).await;

        let head = "d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2";
        let third =
            self.hub.open_pull_request(REPOSITORY, "Try a shorter greeting", OUTSIDER.login, head, Some(FORK))?;
        // As buildx pushes: an image and its attestation, untagged, under an index that has the tag.
        self.cloud.ecr().push_index(ECR_REPOSITORY, &tag(third));
        self.say(format!("#{third} comes from a fork; {} may not start what costs money", OUTSIDER.login));
        self.browser.comment(OUTSIDER, third, "/testenv up").await?;
        self.pause(3).await;
        self.browser.comment(MAINTAINER, third, "/testenv up ttl=20s").await?;
        self.pause(4).await;

        self.say(format!("the image of #{second} is pushed; nobody has to ask again"));
        self.cloud.ecr().push_image(ECR_REPOSITORY, &tag(second));
        self.pause(6).await;

        self.say(format!("{} pushes to #{first}: its tag moves to a new image", MAINTAINER.login));
        self.hub.push(REPOSITORY, first, "5f6e7d8c9b0a1f2e3d4c5b6a798807f6e5d4c3b2")?;
        self.cloud.ecr().push_image(ECR_REPOSITORY, &tag(first));
        self.pause(12).await;

        self.say(format!("#{second} is merged: its environment, its task definitions and its image tag go"));
        self.hub.person(MAINTAINER.login).merge(REPOSITORY, second)?;
        self.pause(4).await;

        self.say(format!("{} closes #{third}, which has expired: nothing needs its images any more", OUTSIDER.login));
        self.hub.person(OUTSIDER.login).close(REPOSITORY, third)?;
        self.pause(12).await;
        self.say("the story is over; the cloud goes on until you press Ctrl-C".to_owned());
        Ok(())
    }

    fn say(&self, text: String) {
        // Nobody listens any more when the program ends.
        let _ = self.tell.send(News::Story(text));
    }

    async fn pause(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

fn tag(pr: u64) -> String {
    format!("pr-{pr}-ci")
}
