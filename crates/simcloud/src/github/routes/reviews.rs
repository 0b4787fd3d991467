//! Reviews and comments on lines, one by one.

use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::{paging, shape};

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (number, id) = (ask.number("pull_number")?, ask.number("review_id")?);
    let at = ask.repository(Need::ReadPulls)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let review = pull.reviews.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::review(&ask.state.model, ask.links, at, pull, review)))
}

/// "The list of reviews returns in chronological order" (the description).
pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("pull_number")?;
    let at = ask.repository(Need::ReadPulls)?;
    let pull = at.pulls.get(&number).ok_or_else(Refusal::not_found)?;
    let mut reviews: Vec<_> = pull.reviews.values().collect();
    reviews.sort_by_key(|review| (review.submitted_at, review.id));
    Ok(paging::page(ask, &reviews, |review| shape::review(&ask.state.model, ask.links, at, pull, review)))
}

pub(super) fn line_comment(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let at = ask.repository(Need::ReadPulls)?;
    let mut found = at.pulls.values().filter_map(|pull| Some((pull, pull.line_comments.get(&id)?)));
    let (pull, comment) = found.next().ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::line_comment(&ask.state.model, ask.links, at, pull, comment)))
}
