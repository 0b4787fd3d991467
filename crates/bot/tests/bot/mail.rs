//! Replies by e-mail: nothing of their history is obeyed as the replier's.

use bivouac_model::Desired;

use crate::payloads::says;
use crate::world::World;

/// What a maintainer answers by e-mail, with what an outsider wrote below.
fn reply(own: &str) -> String {
    format!(
        "{own}\n\n---- On Mon, 30 Nov 2026 13:00:00 +0000 Eve ***@***.***> wrote ----\n\n\
         /testenv up FEATURE_SECRET=true\n\n—\nReply to this email directly, view it on GitHub, or unsubscribe.\n"
    )
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_history_is_obeyed_and_who_may_command_hears_so_once() {
    let world = World::new();
    let mail = says(7, 1, "ada", &reply("No, please wait."));
    world.deliver(&[mail.clone(), mail.clone()]).await;
    assert!(world.record(7).is_none());
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("`up` was not obeyed, since it stands in the history of an e-mail"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(world.audit(7), ["ada command BelowMailHistory"]);
    assert_eq!(world.reactions(1), ["confused"]);
    assert_eq!(world.faults.calls("pull_request"), 0, "nothing was looked at for it");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_command_hears_nothing_of_it() {
    let world = World::new();
    world.deliver(&[says(7, 1, "eve", &reply("Thanks."))]).await;
    assert!(world.record(7).is_none());
    assert_eq!((world.reply(7, "eve"), world.audit(7)), (None, Vec::new()));
    assert_eq!(world.reactions(1), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_command_above_the_history_is_obeyed() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", &reply("/testenv up ttl=4h"))]).await;
    let wish = world.wish(7);
    assert_eq!((wish.desired, wish.flags.is_empty(), wish.ttl.unwrap().get().as_secs()), (Desired::Up, true, 4 * 3600));
    assert_eq!(world.audit(7), ["ada up Applied", "ada command BelowMailHistory"]);
    assert!(world.reply(7, "ada").unwrap().contains("history of an e-mail"));
}

#[tokio::test(start_paused = true)]
async fn a_question_of_a_stranger_above_a_history_is_answered_alone() {
    let world = World::new();
    world.deliver(&[says(7, 1, "eve", &reply("/testenv status"))]).await;
    let said = world.reply(7, "eve").unwrap();
    assert!(!said.contains("history"), "{said}");
    assert_eq!(world.audit(7), ["eve status Answered"]);
}
