//! What people are answered: reactions, and the one short reply.

use bivouac_github::ContentLimits;
use bivouac_ports::{Audience, CommentId, Conversation as _, Reaction};

use super::*;

const WHY: &str = "I do not know `/testenv upp`. Did you mean `/testenv up`?";
const OTHER: &str = "`ttl` holds `soon`; allowed: a duration such as `48h`.";
const CALL: &str = "**@mona**";

impl Forge {
    /// There is one comment of ours, and its body is answered.
    fn one(&self, key: &EnvKey) -> String {
        let mut ours = self.ours(key);
        assert_eq!(ours.len(), 1, "{ours:#?}");
        ours.remove(0)
    }
}

/// Made once, and called once: what follows is an edit that calls nobody.
pub async fn a_person_is_answered_once_and_called_once(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    assert!(forge.one(&key).contains(WHY) && forge.one(&key).contains(CALL));
    forge.hub.reset_calls();
    for process in [&github, &forge.process(TOKEN)] {
        process.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    }
    assert_eq!(forge.hub.calls().content_writes(), 0, "written though it said so already");
    forge.process(TOKEN).reply(&key, "Mona", Some(OTHER), Audience::Member).await.unwrap();
    let body = forge.one(&key);
    assert!(body.contains(OTHER) && !body.contains(WHY) && !body.contains('@'), "{body}");
}

/// A mistake alarms no one after a later command worked, and the next mistake is reported in the same place.
pub async fn a_reply_is_folded_away_when_all_is_well(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.reply(&key, "mona", None, Audience::Member).await.unwrap();
    assert!(forge.ours(&key).is_empty(), "there was nothing to fold away");
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    github.reply(&key, "mona", None, Audience::Member).await.unwrap();
    let folded = forge.one(&key);
    assert!(!folded.contains(WHY) && !folded.contains('@') && folded.contains("out of date"), "{folded}");
    forge.hub.reset_calls();
    forge.process(TOKEN).reply(&key, "mona", None, Audience::Member).await.unwrap();
    assert_eq!(forge.hub.calls().content_writes(), 0, "folded away twice");
    github.reply(&key, "mona", Some(OTHER), Audience::Member).await.unwrap();
    assert!(forge.one(&key).contains(OTHER));
}

/// Each person has one, and the sticky comment is another.
pub async fn replies_and_the_comment_are_told_apart(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    github.reply(&key, "lisa", Some(OTHER), Audience::Member).await.unwrap();
    github.say(&view(&key, FIRST), None).await.unwrap();
    let process = forge.process(TOKEN);
    process.say(&view(&key, SECOND), None).await.unwrap();
    process.reply(&key, "lisa", None, Audience::Member).await.unwrap();
    let ours = forge.ours(&key);
    assert_eq!(ours.len(), 3, "{ours:#?}");
    assert!(ours[0].contains(WHY) && ours[1].contains("out of date") && ours[2].contains(SECOND), "{ours:#?}");
}

/// Somebody else's copy is not ours to edit.
pub async fn a_copied_reply_of_somebody_else_is_ignored(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    let other = forge.pull_request();
    let copy = forge.one(&key);
    forge.hub.comment(REPO, other.pr.get(), "mallory", &copy).unwrap();
    github.reply(&other, "mona", None, Audience::Member).await.unwrap();
    assert!(forge.ours(&other).is_empty());
    github.reply(&other, "mona", Some(OTHER), Audience::Member).await.unwrap();
    assert!(forge.one(&other).contains(OTHER));
    let comments = forge.hub.comments(REPO, other.pr.get()).unwrap();
    assert!(comments.iter().any(|comment| comment.author == "mallory" && comment.body == copy));
}

/// A text that quotes people calls none of them.
pub async fn a_reply_calls_nobody_else(forge: &Forge) {
    let (key, github) = forge.prepare();
    github
        .reply(
            &key,
            "mona",
            Some("There is no image `app@sha256:00` of @lisa or @apache/committers."),
            Audience::Member,
        )
        .await
        .unwrap();
    let body = forge.one(&key);
    assert!(!body.contains("@lisa") && !body.contains("@apache") && body.contains("app@sha256:00"), "{body}");
}

/// Whatever was lost on the way, there is one.
pub async fn a_lost_answer_makes_no_second_reply(forge: &Forge) {
    for fault in [Fault::After(500), Fault::After(502), Fault::After(504), Fault::DropAfter] {
        let (key, github) = forge.prepare();
        forge.hub.inject(FaultRule::new(fault).method("POST").route(COMMENTS).times(1));
        github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
        assert!(forge.one(&key).contains(WHY));
        forge.process(TOKEN).reply(&key, "mona", Some(OTHER), Audience::Member).await.unwrap();
        assert!(forge.one(&key).contains(OTHER));
    }
}

/// What certainly failed is told, and comes about at the next call.
pub async fn a_reply_that_failed_is_made_the_next_time(forge: &Forge) {
    let limit = Fault::SecondaryLimit { status: 403, retry_after: Duration::from_secs(1) };
    for (fault, meaning) in [
        (Fault::Before(503), Meaning::Unavailable),
        (Fault::DropBefore, Meaning::Unavailable),
        (limit, Meaning::Throttled),
    ] {
        let (key, github) = forge.prepare();
        forge.hub.inject(FaultRule::new(fault).method("POST").route(COMMENTS).times(1));
        let error = refused(github.reply(&key, "mona", Some(WHY), Audience::Member).await, meaning);
        assert_eq!(error.wait().is_some(), meaning == Meaning::Throttled);
        assert!(forge.ours(&key).is_empty());
        forge.process(TOKEN).reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
        assert!(forge.one(&key).contains(CALL));
    }
}

/// A maintainer removed it: the next mistake is told anew, and there is nothing to fold away.
pub async fn a_reply_that_was_removed_is_made_anew(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    let id = forge.hub.comments(REPO, key.pr.get()).unwrap()[0].id;
    forge.hub.delete_comment(REPO, id).unwrap();
    github.reply(&key, "mona", None, Audience::Member).await.unwrap();
    assert!(forge.ours(&key).is_empty());
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    assert!(forge.one(&key).contains(CALL));
}

/// Between our look and our edit.
pub async fn a_reply_removed_under_our_hands_is_made_anew(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.reply(&key, "mona", Some(WHY), Audience::Member).await.unwrap();
    let id = forge.hub.comments(REPO, key.pr.get()).unwrap()[0].id;
    forge.hub.inject(FaultRule::new(Fault::Latency(Duration::from_millis(300))).method("PATCH").times(1));
    forge.hub.reset_calls();
    let removed = async {
        until("the look", || forge.hub.calls().reads() > 0).await;
        forge.hub.delete_comment(REPO, id).unwrap();
    };
    let (replied, ()) = futures::join!(github.reply(&key, "mona", Some(OTHER), Audience::Member), removed);
    replied.unwrap();
    assert!(forge.one(&key).contains(OTHER));
}

/// Two workers for one person.
pub async fn two_replies_at_once_make_one(forge: &Forge) {
    let (key, github) = forge.prepare();
    let (one, other) = futures::join!(
        github.reply(&key, "mona", Some(WHY), Audience::Member),
        github.reply(&key, "Mona", Some(WHY), Audience::Member)
    );
    one.and(other).unwrap();
    assert!(forge.one(&key).contains(WHY));
}

/// Once, however often; and a comment that is gone is told.
pub async fn a_reaction_is_left_once(forge: &Forge) {
    let (key, github) = forge.prepare();
    let id = forge.hub.comment(REPO, key.pr.get(), "mona", "/testenv up").unwrap();
    let comment = CommentId { repo: key.repo.clone(), id };
    for reaction in [Reaction::Eyes, Reaction::Eyes, Reaction::Rocket, Reaction::Confused] {
        github.react(&comment, reaction, Audience::Member).await.unwrap();
    }
    let ours = |content| (BOT.to_owned(), content);
    let left = forge.hub.comments(REPO, key.pr.get()).unwrap().remove(0).reactions;
    assert_eq!(left, ["eyes", "rocket", "confused"].map(ours));
    // One that was given takes nobody's turn, and another process gives it to no effect.
    let writes = |forge: &Forge| forge.hub.requests().iter().filter(|request| request.method == "POST").count();
    let before = writes(forge);
    github.react(&comment, Reaction::Confused, Audience::Member).await.unwrap();
    assert_eq!(writes(forge), before);
    forge.process(TOKEN).react(&comment, Reaction::Confused, Audience::Member).await.unwrap();
    assert_eq!(forge.hub.comments(REPO, key.pr.get()).unwrap().remove(0).reactions.len(), 3);
    let gone = CommentId { id: 999_999, ..comment };
    refused(github.react(&gone, Reaction::Eyes, Audience::Member).await, Meaning::NotFound);
}

/// Writes for strangers and members never take from what the comment of an environment needs, and are not even sent.
pub(super) async fn answers_leave_the_reserve_of_environments_alone(forge: &Forge) {
    let (key, _) = forge.prepare();
    let content = ContentLimits { hour: 6, answers_an_hour: 4, strangers_an_hour: 2, ..ContentLimits::none() };
    let settings = Settings { content, ..forge.settings(Credentials::Token(TOKEN.into())) };
    let github = GitHub::new(settings, Arc::new(NoMeter)).unwrap();
    let written = async |audience, from: u64| {
        let mut count = 0;
        for number in from..from + 5 {
            let body = format!("comment {number}");
            let id = forge.hub.comment(REPO, key.pr.get(), "mona", &body).unwrap();
            let comment = CommentId { repo: key.repo.clone(), id };
            match github.react(&comment, Reaction::Rocket, audience).await {
                Ok(()) => count += 1,
                Err(error) => {
                    assert!(error.meaning() == Meaning::Throttled && !error.is_sent(), "{error}");
                    assert!(error.wait().is_some_and(|wait| wait > Duration::from_secs(3000)), "{error:?}");
                }
            }
        }
        count
    };
    forge.hub.reset_calls();
    assert_eq!(written(Audience::Stranger, 0).await, 2);
    assert_eq!(written(Audience::Member, 10).await, 2, "what strangers had is a part of it");
    assert_eq!(written(Audience::Environment, 20).await, 2, "the rest");
    assert_eq!(forge.hub.calls().content_writes(), 6);
}
