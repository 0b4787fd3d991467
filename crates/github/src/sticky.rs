//! The one comment: found, made, edited.

use std::sync::Arc;

use bivouac_model::{CommentView, EnvKey, SaidComment};
use bivouac_ports::{Audience, Error, Meaning};

use crate::answer::Comment;
use crate::author::Ourselves;
use crate::client::Client;
use crate::comment::{Renderer, same_but_for_cost};
use crate::comments::Single;
use crate::doubt::Doubt;
use crate::turnstile::Turnstiles;

/// Keeps the comments of this process.
#[derive(Debug)]
pub(crate) struct Sticky {
    renderer: Renderer,
    ourselves: Arc<Ourselves>,
    doubt: Doubt,
    last: Turnstiles<EnvKey, Last>,
}

/// What this process itself wrote or saw last; so it is ours for certain.
#[derive(Clone, Debug)]
struct Last {
    id: u64,
    said: String,
}

impl Sticky {
    pub fn new(renderer: Renderer, ourselves: Arc<Ourselves>, doubt: Doubt) -> Self {
        Self { renderer, ourselves, doubt, last: Turnstiles::default() }
    }

    /// See [`bivouac_ports::Forge::say`]. Two calls for one pull request follow each other.
    pub async fn say(
        &self,
        client: &Client,
        view: &CommentView,
        said: Option<&SaidComment>,
    ) -> Result<SaidComment, Error> {
        let identity = view.identity();
        if let Some(said) = said.filter(|said| said.said == identity) {
            return Ok(said.clone());
        }
        let turnstile = self.last.of(&view.key);
        let mut last = turnstile.lock().await;
        let told = said.and_then(|said| said.id);
        // Said by this process, and not remembered by the record: it was read before, or has no room for it.
        if let Some(last) = last.as_ref()
            && last.said == identity
            && told.is_none_or(|id| id == last.id)
        {
            return Ok(SaidComment { id: Some(last.id), said: identity });
        }
        let marker = self.renderer.marker(&view.key);
        let (ourselves, doubt, audience) = (&*self.ourselves, &self.doubt, Audience::Environment);
        let comment = Single { client, ourselves, doubt, key: &view.key, marker: &marker, audience };
        let text = self.renderer.render(view);
        let id = match known(comment, told, last.as_ref(), &text).await? {
            Some(id) => Some(id),
            None => match comment.search().await? {
                Some(found) => Some(settle_on(comment, &found, &text).await?),
                None if view.edits_only => None,
                None => Some(comment.create(&text).await?),
            },
        };
        *last = id.map(|id| Last { id, said: identity.clone() });
        Ok(SaidComment { id, said: identity })
    }
}

/// Edits the comment whose id is known. `None` when it is not there, or not ours.
async fn known(comment: Single<'_>, told: Option<u64>, last: Option<&Last>, text: &str) -> Result<Option<u64>, Error> {
    let Some(id) = told.or(last.map(|last| last.id)) else { return Ok(None) };
    let written = if last.is_some_and(|last| last.id == id) {
        comment.edit(id, text).await
    } else {
        // The id comes from a record, which others can write: look before overwriting somebody's comment.
        let Some(found) = comment.look(id).await? else { return Ok(None) };
        settle_on(comment, &found, text).await
    };
    match written {
        Ok(id) => Ok(Some(id)),
        // Somebody removed it.
        Err(error) if error.meaning() == Meaning::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a comment of ours say `text`, if it does not already.
async fn settle_on(comment: Single<'_>, found: &Comment, text: &str) -> Result<u64, Error> {
    if same_but_for_cost(&found.body, text) {
        return Ok(found.id);
    }
    comment.edit(found.id, text).await
}
