//! A short story for `bivouac dev`: three pull requests, one of which has its image late and one of which expires.
//!
//! The story is told by ordinary clients: it opens pull requests on the embedded forge, pushes images to the embedded
//! registry, and writes wishes to the table. It has no private way into the controller.

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{EnvKey, Value};
use bivouac_ports::{DesiredChange, RecordStore};
use bivouac_simcloud::SimCloud;
use bivouac_simcloud::github::{Hub, HubError};
use chrono::{SecondsFormat, Utc};
use tokio::sync::mpsc::UnboundedSender;

/// The repository of the story.
pub const REPOSITORY: &str = "acme/hello";
/// The registry's repository.
pub const ECR_REPOSITORY: &str = "hello";

/// What the story is told with.
pub struct Story {
    /// The embedded AWS.
    pub cloud: Arc<SimCloud>,
    /// The embedded forge.
    pub hub: Hub,
    /// The table.
    pub records: Arc<dyn RecordStore>,
    /// Whom it is told to.
    pub tell: UnboundedSender<String>,
}

/// Why the story broke off.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The embedded forge refused something.
    #[error("the embedded forge refused")]
    Hub(#[from] HubError),
    /// The table refused something.
    #[error("the table refused")]
    Records(#[from] bivouac_ports::Error),
    /// The story names a key that is none.
    #[error(transparent)]
    Key(#[from] bivouac_model::InvalidKey),
}

impl Story {
    /// Tells the story once; takes about forty seconds.
    ///
    /// # Errors
    /// When the embedded cloud refuses a part of it.
    pub async fn run(self) -> Result<(), StoryError> {
        let first = self.open("Greet the world in green", "3b1f8a29c04d5e6f7a8b9c0d1e2f3a4b5c6d7e8f")?;
        self.cloud.ecr().push_image(ECR_REPOSITORY, &tag(first));
        self.say(format!("#{first} asks for an environment with FEATURE_GREEN=true"));
        self.up(first, &[("FEATURE_GREEN", "true")], "48h").await?;
        self.pause(4).await;

        let second = self.open("Greet the moon too", "9c2e4d6f8a0b1c3d5e7f90123456789abcdef012")?;
        self.say(format!("#{second} asks for one, but its image is not built yet"));
        self.up(second, &[], "2h").await?;
        self.pause(3).await;

        let third = self.open("Try a shorter greeting", "d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2")?;
        self.cloud.ecr().push_image(ECR_REPOSITORY, &tag(third));
        self.say(format!("#{third} asks for one for twenty seconds only"));
        self.up(third, &[], "20s").await?;
        self.pause(4).await;

        self.say(format!("the image of #{second} is pushed; nobody has to ask again"));
        self.cloud.ecr().push_image(ECR_REPOSITORY, &tag(second));
        self.pause(8).await;

        self.say(format!("a new commit on #{first}: its tag moves to a new image"));
        self.hub.push(REPOSITORY, first, "5f6e7d8c9b0a1f2e3d4c5b6a798807f6e5d4c3b2")?;
        self.cloud.ecr().push_image(ECR_REPOSITORY, &tag(first));
        self.pause(12).await;

        self.say(format!("#{second} is merged: its environment, its task definitions and its image tag go"));
        self.hub.merge(REPOSITORY, second)?;
        self.pause(8).await;
        self.say("the story is over; the cloud goes on until you press Ctrl-C".to_owned());
        Ok(())
    }

    fn open(&self, title: &str, head_sha: &str) -> Result<u64, HubError> {
        self.hub.open_pull_request(REPOSITORY, title, "contributor", head_sha, None)
    }

    async fn up(&self, pr: u64, flags: &[(&str, &str)], ttl: &str) -> Result<(), StoryError> {
        let text = |text: &str| Some(Value::String(text.to_owned()));
        let flags =
            flags.iter().map(|(name, value)| ((*name).to_owned(), Value::String((*value).to_owned()))).collect();
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let change: DesiredChange = vec![
            ("desired", text("up")),
            ("flags", Some(Value::Map(flags))),
            ("ttl", text(ttl)),
            ("requested_by", text("contributor")),
            ("requested_at", text(&now)),
        ];
        let key: EnvKey = format!("{REPOSITORY}#{pr}").parse()?;
        self.records.write_desired(&key.into(), &change).await?;
        Ok(())
    }

    fn say(&self, text: String) {
        // Nobody listens any more when the program ends.
        let _ = self.tell.send(text);
    }

    async fn pause(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

fn tag(pr: u64) -> String {
    format!("pr-{pr}-ci")
}
