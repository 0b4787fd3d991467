//! What the adapter puts on the wire, byte by byte: each header once, nothing once a guard is lost, and the new credentials
//! once the old ones are refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bivouac_github::{Credentials, GitHub, Settings};
use bivouac_model::EnvKey;
use bivouac_ports::{
    Audience, CommentId, Conversation as _, CurrentSecret, Error, Forge as _, Meaning, NoMeter, Reaction, SecretSource,
    SharedSecret, WriteGuard,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const APP_KEY: &str = include_str!("../../simcloud/src/github/tests/app_key.pem");

/// A server that notes each request, and the connections without any.
struct Server {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// Refuses requests with any of these credentials.
    async fn refusing(refused: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heads, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let server = Self { url, heads: Arc::clone(&heads), connections: Arc::clone(&connections) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&heads), refused));
            }
        });
        server
    }

    fn github(&self, credentials: Credentials) -> GitHub {
        let settings = Settings {
            write_gap: Duration::ZERO,
            doubt: Vec::new(),
            ..Settings::new(self.url.clone(), credentials, "test")
        };
        GitHub::new(settings, Arc::new(NoMeter)).unwrap()
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>, refused: &[&str]) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(read @ 1..) => buffer.extend_from_slice(&chunk[..read]),
                _ => return,
            }
        };
        let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
        let length = field(&head, "content-length").first().map_or(0, |length| length.parse::<usize>().unwrap());
        while buffer.len() < length {
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(read @ 1..) => buffer.extend_from_slice(&chunk[..read]),
                _ => return,
            }
        }
        buffer.drain(..length);
        let is_refused = refused.iter().any(|secret| head.contains(secret));
        let (status, body) = if is_refused { ("401 Unauthorized", json!({})) } else { ("200 OK", answer(&head)) };
        heads.lock().unwrap().push(head);
        let body = body.to_string();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(head: &str) -> Value {
    if head.contains("/access_tokens") {
        return json!({
            "token": "ghs_installation", "expires_at": "2099-01-01T00:00:00Z", "permissions": {},
            "repository_selection": "all",
        });
    }
    json!({ "id": 1, "number": 7, "state": "open", "head": { "sha": "1" }, "user": { "login": "ada" }, "labels": [] })
}

/// All values of a header.
fn field<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

fn key() -> EnvKey {
    "acme/shop#7".parse().unwrap()
}

async fn react(github: &GitHub) -> Result<(), Error> {
    github.react(&CommentId { repo: key().repo, id: 1 }, Reaction::Eyes, Audience::Member).await
}

#[tokio::test]
async fn every_header_is_sent_once_and_we_have_our_name() {
    for (credentials, requests) in [
        (Credentials::Token("ghp_token".into()), 2),
        // Where it is installed, the token of the installation, and then the same two.
        (Credentials::App { id: 1, private_key: APP_KEY.into() }, 4),
    ] {
        let server = Server::refusing(&[]).await;
        let github = server.github(credentials);
        react(&github).await.unwrap();
        let _ = github.pull_request(&key()).await;
        let heads = server.heads();
        assert_eq!(heads.len(), requests, "{heads:#?}");
        for head in heads {
            assert_eq!(field(&head, "user-agent"), [concat!("bivouac/", env!("CARGO_PKG_VERSION"))], "{head}");
            let mut names: Vec<String> =
                head.lines().filter_map(|line| Some(line.split_once(':')?.0.to_ascii_lowercase())).collect();
            names.sort();
            assert!(names.windows(2).all(|two| two[0] != two[1]), "twice: {head}");
            assert_eq!(field(&head, "authorization").len(), 1, "{head}");
        }
    }
}

#[tokio::test]
async fn once_a_guard_is_lost_no_byte_leaves() {
    let lost = || Error::new(Meaning::Conflict, "lease", "lost");
    let server = Server::refusing(&[]).await;
    let github = server.github(Credentials::Token("ghp_token".into()));
    // One is lost at the check before the request is made.
    let looks = Mutex::new(1_u32);
    let take = move || {
        let mut looks = looks.lock().unwrap();
        *looks = looks.checked_sub(1).ok_or_else(lost)?;
        Ok(())
    };
    let error = WriteGuard::new(take).run(react(&github)).await.expect_err("it is lost");
    assert_eq!((error.meaning(), error.call()), (Meaning::Conflict, "lease"), "{error}");
    assert_eq!(*server.connections.lock().unwrap(), 0);
    // The other one only in the task of the connection, where the bytes are written. The test itself is no task.
    let guard = WriteGuard::new(move || if tokio::task::try_id().is_some() { Err(lost()) } else { Ok(()) });
    let error = guard.run(react(&github)).await.expect_err("it is lost");
    assert_eq!((error.meaning(), error.call()), (Meaning::Conflict, "lease"), "{error}");
    assert_eq!((*server.connections.lock().unwrap(), server.heads().len()), (1, 0), "connected, and nothing sent");
    // What no guard runs is sent.
    react(&github).await.unwrap();
    assert_eq!(server.heads().len(), 1);
}

/// A secret that is found changed when it is looked for again.
#[derive(Debug)]
struct Rotated {
    before: CurrentSecret,
    after: CurrentSecret,
    is_found: Mutex<bool>,
}

impl Rotated {
    fn secret(before: &str, after: &str) -> SharedSecret {
        let secret = |text: &str, version| CurrentSecret::new(text.into(), version);
        SharedSecret::new(Self { before: secret(before, 0), after: secret(after, 1), is_found: Mutex::new(false) })
    }
}

impl SecretSource for Rotated {
    fn current(&self) -> CurrentSecret {
        if *self.is_found.lock().unwrap() { self.after.clone() } else { self.before.clone() }
    }

    fn look_again(&self) -> CurrentSecret {
        *self.is_found.lock().unwrap() = true;
        self.current()
    }
}

#[tokio::test]
async fn refused_credentials_are_looked_at_again_and_the_request_is_made_with_the_new_ones() {
    let server = Server::refusing(&["ghp_old"]).await;
    let github = server.github(Credentials::Token(Rotated::secret("ghp_old", "ghp_new")));
    react(&github).await.unwrap();
    let sent: Vec<_> = server.heads().iter().map(|head| field(head, "authorization")[0].to_owned()).collect();
    assert_eq!(sent, ["Bearer ghp_old", "Bearer ghp_new"]);
}

#[tokio::test]
async fn credentials_that_are_refused_and_stay_the_same_are_tried_once() {
    let server = Server::refusing(&["ghp_old"]).await;
    for after in ["ghp_old", "no token at all"] {
        let before = server.heads().len();
        let github = server.github(Credentials::Token(Rotated::secret("ghp_old", after)));
        assert_eq!(react(&github).await.expect_err("refused").meaning(), Meaning::Denied);
        // A value that cannot be a token changes nothing. One that is new by its version alone is tried.
        let tried = server.heads().len() - before;
        assert_eq!(tried, if after == "ghp_old" { 2 } else { 1 }, "{after}");
    }
}

#[tokio::test]
async fn the_refused_token_of_an_installation_is_made_again() {
    let server = Server::refusing(&["ghs_installation"]).await;
    let github = server.github(Credentials::App { id: 1, private_key: APP_KEY.into() });
    assert_eq!(react(&github).await.expect_err("refused").meaning(), Meaning::Denied);
    let heads = server.heads();
    let made = heads.iter().filter(|head| head.contains("/access_tokens")).count();
    let sent = heads.iter().filter(|head| head.contains("/reactions")).count();
    assert!(made >= 2 && sent <= 4, "{heads:#?}");
}
