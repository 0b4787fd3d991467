//! A repository that was renamed on the forge, while the configuration has its old name.

use axum::http::StatusCode;
use bivouac_bot::Secrets;
use bivouac_model::Desired;
use bivouac_ports::{Moved, SharedSecret};

use crate::doors::locked;
use crate::payloads::{Mail, REPO, SECRET, changed, says, signature};
use crate::world::{World, send};

const NEW: &str = "apache/superset-2";
const ID: u64 = 7001;

fn moved() -> Moved {
    Moved { id: ID, to: NEW.parse().unwrap(), is_replaced: false }
}

/// The same delivery as the repository of this name and id sends it.
fn from(repo: &str, id: u64, mail: &Mail) -> Mail {
    let text = String::from_utf8(mail.body.clone()).unwrap();
    let named = format!(r#""full_name":"{REPO}""#);
    assert!(text.contains(&named), "{text}");
    let body = text.replace(&named, &format!(r#""full_name":"{repo}","id":{id}"#));
    Mail { body: body.into_bytes(), ..mail.clone() }
}

#[tokio::test(start_paused = true)]
async fn a_closing_and_a_down_under_the_new_name_reach_the_record() {
    for by_id_alone in [false, true] {
        for ending in [changed(7, 2, "ada", "closed", "1111111"), says(7, 2, "ada", "/testenv down")] {
            let world = World::new();
            world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
            let repo = REPO.parse().unwrap();
            match by_id_alone {
                // The redirect was not seen yet.
                true => assert!(world.hub.names.answered(&repo, ID)),
                false => world.hub.names.moved(&repo, moved()),
            }
            if ending.event == "pull_request" {
                world.pull(7, |pull| pull.is_open = false);
            }
            world.deliver(&[from(NEW, ID, &ending)]).await;
            assert_eq!(world.wish(7).desired, Desired::Down, "{} {by_id_alone}", ending.event);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_up_is_answered_with_the_line_to_change_and_starts_nothing() {
    let world = World::new();
    world.hub.names.moved(&REPO.parse().unwrap(), moved());
    world.deliver(&[from(NEW, ID, &says(7, 1, "ada", "/testenv up"))]).await;
    assert!(world.record(7).is_none());
    let reply = world.reply(7, "ada").unwrap();
    assert!(reply.contains(NEW) && reply.contains(&format!("`repo = \"{NEW}\"`")), "{reply}");
    assert_eq!(world.reactions(1), ["confused", "eyes"]);
}

#[tokio::test(start_paused = true)]
async fn another_repository_under_the_old_name_commands_nothing() {
    let world = World::new();
    world.hub.names.moved(&REPO.parse().unwrap(), Moved { is_replaced: true, ..moved() });
    let (status, answer) = world.post(&from(REPO, 8001, &says(7, 1, "ada", "/testenv up"))).await;
    assert_eq!((status, &*answer), (StatusCode::ACCEPTED, "ignored: the repository is not configured"));
    assert!(locked(&world.tray.letters).is_empty() && world.record(7).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_secret_of_the_project_goes_with_the_repository() {
    let mut world = World::new();
    let secrets = Secrets::new([SECRET.to_owned().into()]);
    world.settings.secrets = secrets.with_project(REPO.parse().unwrap(), SharedSecret::from("its own"));
    let mail = from(NEW, ID, &says(7, 1, "ada", "/testenv status"));
    let own = mail.signed_by(&signature("its own", &mail.body));
    let (status, _) = send(&world.bot(), own).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it is a stranger until the forge shows it");
    world.hub.names.moved(&REPO.parse().unwrap(), moved());
    for (secret, expected) in [("its own", StatusCode::ACCEPTED), (SECRET, StatusCode::UNAUTHORIZED)] {
        let (status, answer) = send(&world.bot(), mail.signed_by(&signature(secret, &mail.body))).await;
        assert_eq!(status, expected, "{secret}: {answer}");
    }
}
