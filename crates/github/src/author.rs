//! Whose comments are ours.

use std::sync::Arc;

use bivouac_ports::Error;
use tokio::sync::Mutex;

use crate::answer::{App, Comment, User};
use crate::client::{Ask, Client};
use crate::operation::{GET_APP, GET_USER};

/// An account that writes comments.
#[derive(Debug)]
pub(crate) enum Author {
    /// A person's token. The number stays when the person takes another name.
    User(u64),
    /// An app writes as `SLUG[bot]`; no person can have brackets in a name.
    Bot(String),
}

impl Author {
    /// Whether this account wrote it.
    pub fn wrote(&self, comment: &Comment) -> bool {
        self.is(comment.user.as_ref())
    }

    /// Whether this is the account; `None` is nobody.
    pub fn is(&self, user: Option<&User>) -> bool {
        user.is_some_and(|user| match self {
            Self::User(id) => user.id == *id,
            Self::Bot(login) => user.login.eq_ignore_ascii_case(login),
        })
    }

    /// Whether this account is the bot of the app.
    pub fn is_bot_of(&self, app: &App) -> bool {
        matches!(self, Self::Bot(login) if login.eq_ignore_ascii_case(&bot(app)))
    }
}

/// The account that an app writes with.
fn bot(app: &App) -> String {
    format!("{}[bot]", app.slug)
}

/// Asks GitHub once who we are, and remembers for as long as our credentials stay the same.
#[derive(Debug, Default)]
pub(crate) struct Ourselves(Mutex<Option<(u64, Arc<Author>)>>);

impl Ourselves {
    /// Who we are.
    ///
    /// # Errors
    /// What became of the question; it is asked again the next time.
    pub async fn author(&self, client: &Client) -> Result<Arc<Author>, Error> {
        let mut known = self.0.lock().await;
        let version = client.version();
        if let Some((of, author)) = &*known
            && *of == version
        {
            return Ok(Arc::clone(author));
        }
        let author = if client.is_app() {
            let answer = client.ask(Ask::get(&GET_APP, "/app".to_owned())).await?;
            Author::Bot(bot(&answer.read(&GET_APP)?))
        } else {
            let answer = client.ask(Ask::get(&GET_USER, "/user".to_owned())).await?;
            Author::User(answer.read::<User>(&GET_USER)?.id)
        };
        let (_, author) = known.insert((version, Arc::new(author)));
        Ok(Arc::clone(author))
    }
}
