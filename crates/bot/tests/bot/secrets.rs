//! A secret of a project is good for that project alone, and a secret that was taken out is good for nothing.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use bivouac_bot::{ProjectRules, Secrets};
use bivouac_ports::{CurrentSecret, SecretSource, SharedSecret};

use crate::doors::locked;
use crate::payloads::{Mail, REPO, SECRET, changed, says, signature};
use crate::world::{World, send};

/// The repository that has no secret of its own.
const OTHER: &str = "acme/other";

/// A world in which `REPO` has a secret of its own, and `OTHER` has none.
fn world() -> World {
    let mut world = World::new();
    let other = ProjectRules { repo: OTHER.parse().unwrap(), ..world.settings.projects[0].clone() };
    world.settings.projects.push(other);
    let secrets = Secrets::new([SECRET.to_owned().into()]);
    world.settings.secrets = secrets.with_project(REPO.parse().unwrap(), SharedSecret::from("its own"));
    world
}

/// The same delivery of another repository.
fn of(repo: &str, mail: &Mail) -> Mail {
    let body = String::from_utf8(mail.body.clone()).unwrap().replace(REPO, repo);
    Mail { body: body.into_bytes(), ..mail.clone() }
}

#[tokio::test(start_paused = true)]
async fn a_secret_speaks_for_its_own_repository_alone() {
    let world = world();
    let ours = [says(7, 1, "ada", "/testenv up"), changed(7, 2, "ada", "closed", "1111111")];
    for mail in &ours {
        for (repo, secret, expected) in [
            (REPO, "its own", StatusCode::ACCEPTED),
            (REPO, SECRET, StatusCode::UNAUTHORIZED),
            ("Apache/Superset", SECRET, StatusCode::UNAUTHORIZED),
            (OTHER, "its own", StatusCode::UNAUTHORIZED),
            (OTHER, SECRET, StatusCode::ACCEPTED),
            ("nobody/knows", "its own", StatusCode::UNAUTHORIZED),
        ] {
            let mail = of(repo, mail).named(u64::from(expected.as_u16()) + secret.len() as u64 + repo.len() as u64);
            let before = locked(&world.tray.letters).len();
            let (status, said) = send(&world.bot(), mail.signed_by(&signature(secret, &mail.body))).await;
            assert_eq!(status, expected, "{} of {repo} signed with {secret}: {said}", mail.event);
            if status == StatusCode::UNAUTHORIZED {
                assert_eq!(said, "unauthorized", "a stranger learns nothing");
                assert_eq!(locked(&world.tray.letters).len(), before, "it was kept");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_stands_elsewhere_or_twice_in_the_body_helps_nobody() {
    let world = world();
    let body = String::from_utf8(of(OTHER, &says(7, 1, "ada", "/testenv up")).body).unwrap();
    let named = format!(r#""repository":{{"full_name":"{OTHER}"}}"#);
    assert!(body.contains(&named), "{body}");
    let own = format!(r#""repository":{{"full_name":"{REPO}"}}"#);
    for forged in [
        // Two of them, in either order: it is not JSON that anybody agrees on.
        body.replace(&named, &format!("{named},{own}")),
        body.replace(&named, &format!("{own},{named}")),
        body.replace(&named, &format!(r#"{named},"repositor\u0079":{{"full_name":"{REPO}"}}"#)),
        body.replace(&named, &format!(r#"{named},"organization":{{{own}}}"#)),
        body.replace(&named, ""),
    ] {
        let mail = Mail { body: forged.into_bytes(), ..says(7, 1, "ada", "/testenv up") };
        let (status, _) = send(&world.bot(), mail.signed_by(&signature("its own", &mail.body))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert!(locked(&world.tray.letters).is_empty());
}

/// A source whose value a test changes.
#[derive(Clone, Debug)]
struct Rotated(Arc<Mutex<&'static str>>);

impl SecretSource for Rotated {
    fn current(&self) -> CurrentSecret {
        CurrentSecret::new((*self.0.lock().unwrap()).into(), 0)
    }

    fn look_again(&self) -> CurrentSecret {
        self.current()
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_taken_out_is_refused_by_the_bot_that_runs() {
    let mut world = World::new();
    let source = Rotated(Arc::new(Mutex::new("old")));
    world.settings.secrets = Secrets::default().with_general(SharedSecret::new(source.clone()));
    let bot = world.bot();
    let mut number = 0;
    for (lines, old, new) in [
        ("old", StatusCode::ACCEPTED, StatusCode::UNAUTHORIZED),
        ("old\nnew", StatusCode::ACCEPTED, StatusCode::ACCEPTED),
        ("new", StatusCode::UNAUTHORIZED, StatusCode::ACCEPTED),
    ] {
        *source.0.lock().unwrap() = lines;
        for (secret, expected) in [("old", old), ("new", new)] {
            number += 1;
            let mail = says(7, number, "ada", "/testenv status");
            let (status, _) = send(&bot, mail.signed_by(&signature(secret, &mail.body))).await;
            assert_eq!(status, expected, "{secret} of {lines:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_secret_of_one_project_uses_up_nothing_of_another() {
    let world = world();
    let bot = world.bot();
    let own = |mail: &Mail| mail.signed_by(&signature("its own", &mail.body));
    for id in 0..500 {
        let mail = says(100 + id % 100, 1000 + id, "ada", "/testenv up");
        assert_eq!(send(&bot, own(&mail)).await.0, StatusCode::ACCEPTED);
    }
    let more = says(300, 3000, "ada", "/testenv up");
    assert_eq!(send(&bot, own(&more)).await.0, StatusCode::TOO_MANY_REQUESTS);
    let genuine = of(OTHER, &says(7, 1, "ada", "/testenv down"));
    let (status, said) = send(&bot, genuine.signed_by(&signature(SECRET, &genuine.body))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{said}");
}
