//! The one short reply to a person on a pull request.

use std::sync::Arc;

use bivouac_model::EnvKey;
use bivouac_ports::{Audience, Error, Meaning};

use crate::author::Ourselves;
use crate::client::Client;
use crate::comment::reply::{self, Words};
use crate::comments::Single;
use crate::doubt::Doubt;
use crate::login::Login;
use crate::operation::CREATE_COMMENT;
use crate::turnstile::Turnstiles;

/// Keeps the replies of this process.
#[derive(Debug)]
pub(crate) struct Replies {
    instance: String,
    ourselves: Arc<Ourselves>,
    doubt: Doubt,
    /// The number of the comment, which saves the search.
    last: Turnstiles<(EnvKey, String), u64>,
}

impl Replies {
    pub fn new(instance: &str, ourselves: Arc<Ourselves>, doubt: Doubt) -> Self {
        Self { instance: instance.to_owned(), ourselves, doubt, last: Turnstiles::default() }
    }

    /// See [`bivouac_ports::Conversation::reply`]. Two calls for one person follow each other.
    pub async fn reply(
        &self,
        client: &Client,
        key: &EnvKey,
        login: &str,
        text: Option<&str>,
        audience: Audience,
    ) -> Result<(), Error> {
        let Some(login) = Login::new(login) else {
            return Err(Error::new(Meaning::Invalid, CREATE_COMMENT.call, "only a person is answered"));
        };
        let turnstile = self.last.of(&(key.clone(), login.folded()));
        let mut last = turnstile.lock().await;
        let words = Words::new(&self.instance, login);
        let (ourselves, doubt, marker) = (&*self.ourselves, &self.doubt, words.marker());
        let comment = Single { client, ourselves, doubt, key, marker, audience };
        let known = match *last {
            Some(id) => comment.look(id).await?,
            None => None,
        };
        let found = match known {
            Some(known) => Some(known),
            None => comment.search().await?,
        };
        *last = found.as_ref().map(|found| found.id);
        if let Some(found) = found {
            let (wanted, unchanged) = match text {
                Some(text) => (words.again(text), reply::same(&found.body, &words.first(text))),
                None => (words.settled(), false),
            };
            if unchanged || reply::same(&found.body, &wanted) {
                return Ok(());
            }
            match comment.edit(found.id, &wanted).await {
                // Removed since we looked.
                Err(error) if error.meaning() == Meaning::NotFound => *last = None,
                Err(error) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
        if let Some(text) = text {
            *last = Some(comment.create(&words.first(text)).await?);
        }
        Ok(())
    }
}
