//! A repository that was renamed or transferred: redirects within the interface are followed, with the method and the body,
//! and no credentials go anywhere else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bivouac_github::{Credentials, GitHub, Settings};
use bivouac_model::{EnvKey, RepoName};
use bivouac_ports::{Audience, CommentId, Conversation as _, Forge as _, Meaning, Moved, NoMeter, Reaction};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request: its method, path and body.
type Seen = (String, String, String);

/// GitHub's routes for repositories, over names that tests change.
struct Server {
    url: String,
    /// The id behind each name that has one, and the name of each id.
    names: Arc<Mutex<BTreeMap<String, u64>>>,
    /// Where every request is redirected to, whatever it asks for.
    elsewhere: Arc<Mutex<Option<String>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server =
            Self { url, names: Arc::default(), elsewhere: Arc::default(), seen: Arc::<Mutex<Vec<Seen>>>::default() };
        let (url, names) = (server.url.clone(), Arc::clone(&server.names));
        let (elsewhere, seen) = (Arc::clone(&server.elsewhere), Arc::clone(&server.seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (url, names) = (url.clone(), Arc::clone(&names));
                let (elsewhere, seen) = (Arc::clone(&elsewhere), Arc::clone(&seen));
                tokio::spawn(async move {
                    let answers = |method: &str, path: &str| {
                        let away = elsewhere.lock().unwrap().clone();
                        match away {
                            Some(away) => redirect(method, &format!("{away}{path}")),
                            None => answer(&url, &names.lock().unwrap(), method, path),
                        }
                    };
                    serve(stream, &seen, answers).await;
                });
            }
        });
        server
    }

    /// Gives names to repositories. The first name of an id is its present one.
    fn name(&self, names: &[(&str, u64)]) {
        *self.names.lock().unwrap() = names.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect();
    }

    fn github(&self) -> GitHub {
        let credentials = Credentials::Token("ghp_token".into());
        let settings = Settings { write_gap: Duration::ZERO, ..Settings::new(self.url.clone(), credentials, "test") };
        GitHub::new(settings, Arc::new(NoMeter)).unwrap()
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn redirect(method: &str, location: &str) -> (String, Value) {
    let status = if method == "GET" { "301 Moved Permanently" } else { "307 Temporary Redirect" };
    (format!("{status}\r\nlocation: {location}"), json!({ "message": "Moved Permanently", "url": location }))
}

/// A repository answers under its id and under its present name, which begins with `now/`. Its other names lead to its id.
fn answer(url: &str, names: &BTreeMap<String, u64>, method: &str, path: &str) -> (String, Value) {
    let not_found = ("404 Not Found".to_owned(), json!({ "message": "Not Found" }));
    let (id, rest) = if let Some(rest) = path.strip_prefix("/repositories/") {
        let (id, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        (id.parse::<u64>().unwrap(), rest)
    } else {
        let parts: Vec<&str> = path.splitn(5, '/').collect();
        let name = format!("{}/{}", parts[2], parts[3]);
        let rest = &path["/repos/".len() + name.len()..];
        let Some(id) = names.get(&name) else { return not_found };
        if names.iter().any(|(other, its)| its == id && *other != name && other.starts_with("now/")) {
            return redirect(method, &format!("{url}/repositories/{id}{rest}"));
        }
        (*id, rest)
    };
    let of_id = |prefix: &str| names.iter().find(|(name, its)| **its == id && name.starts_with(prefix));
    let Some((name, _)) = of_id("now/").or_else(|| of_id("")) else { return not_found };
    let repository = json!({ "id": id, "full_name": name, "private": false });
    let end = json!({ "sha": "1", "ref": "main", "repo": repository });
    let pull = json!({ "number": 7, "state": "open", "head": end, "base": end, "user": { "id": 1, "login": "ada" }, "labels": [] });
    let body = match rest.split('?').next().unwrap_or_default() {
        "" => repository,
        "/pulls" => json!([pull]),
        "/pulls/7" => pull,
        "/issues/comments/1/reactions" => json!({ "id": 1 }),
        _ => return not_found,
    };
    ("200 OK".to_owned(), body)
}

async fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Seen>>, answers: impl Fn(&str, &str) -> (String, Value)) {
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
        let head = String::from_utf8(buffer.drain(..end).collect()).unwrap().to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
        while buffer.len() < length {
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(read @ 1..) => buffer.extend_from_slice(&chunk[..read]),
                _ => return,
            }
        }
        let body = String::from_utf8(buffer.drain(..length).collect()).unwrap();
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap().to_ascii_uppercase(), words.next().unwrap().to_owned());
        let (status, answer) = answers(&method, &path);
        seen.lock().unwrap().push((method, path, body));
        let answer = answer.to_string();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn old() -> RepoName {
    "acme/shop".parse().unwrap()
}

fn key() -> EnvKey {
    "acme/shop#7".parse().unwrap()
}

fn moved(id: u64, to: &str, is_replaced: bool) -> Option<Moved> {
    Some(Moved { id, to: to.parse().unwrap(), is_replaced })
}

fn paths(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(|(method, path, _)| format!("{method} {}", path.split('?').next().unwrap())).collect()
}

#[tokio::test]
async fn a_renamed_repository_is_followed_noted_and_forgotten() {
    let server = Server::start().await;
    let github = server.github();
    server.name(&[("acme/shop", 5)]);
    assert_eq!(github.open_pull_requests(&old()).await.unwrap().len(), 1);
    assert_eq!(github.names().moved_from(&old()), None);
    assert_eq!(paths(&server.take()), ["GET /repos/acme/shop/pulls"], "it costs one call, as always");

    server.name(&[("acme/shop", 5), ("now/store", 5)]);
    assert_eq!(github.open_pull_requests(&old()).await.unwrap().len(), 1);
    assert_eq!(github.names().moved_from(&old()), moved(5, "now/store", false));
    server.take();
    assert!(github.pull_request(&key()).await.unwrap().is_some());
    assert_eq!(paths(&server.take()), ["GET /repositories/5/pulls/7"], "by its id from then on");

    server.name(&[("acme/shop", 5), ("now/market", 5)]);
    github.open_pull_requests(&old()).await.unwrap();
    assert_eq!(github.names().moved_from(&old()), moved(5, "now/market", false), "it was renamed once more");

    server.name(&[("acme/shop", 5)]);
    github.open_pull_requests(&old()).await.unwrap();
    assert_eq!(github.names().moved_from(&old()), None, "it has its name again");
}

#[tokio::test]
async fn a_write_is_redirected_with_its_method_and_body_and_done_once() {
    let server = Server::start().await;
    server.name(&[("acme/shop", 5), ("now/store", 5)]);
    let github = server.github();
    let comment = CommentId { repo: old(), id: 1 };
    github.react(&comment, Reaction::Eyes, Audience::Member).await.unwrap();
    let seen = server.take();
    let written: Vec<&Seen> = seen.iter().filter(|(method, ..)| method == "POST").collect();
    let body = json!({ "content": "eyes" }).to_string();
    assert_eq!(written.len(), 2, "{seen:#?}");
    assert_eq!((written[0].1.as_str(), &written[0].2), ("/repos/acme/shop/issues/comments/1/reactions", &body));
    assert_eq!((written[1].1.as_str(), &written[1].2), ("/repositories/5/issues/comments/1/reactions", &body));
    assert_eq!(github.names().moved_from(&old()), moved(5, "now/store", false), "the new name was asked for");
}

#[tokio::test]
async fn another_repository_under_the_old_name_is_never_taken_for_it() {
    let server = Server::start().await;
    let github = server.github();
    server.name(&[("acme/shop", 5)]);
    github.open_pull_requests(&old()).await.unwrap();
    // Between two lists it was renamed, and another one was made under its name.
    server.name(&[("acme/shop", 9), ("now/store", 5)]);
    let error = github.pull_request(&key()).await.expect_err("it is of another repository");
    assert_eq!(error.meaning(), Meaning::Unavailable, "{error}");
    assert_eq!(github.names().moved_from(&old()), moved(5, "now/store", true));
    server.take();
    assert!(github.pull_request(&key()).await.unwrap().is_some());
    assert_eq!(paths(&server.take()), ["GET /repositories/5/pulls/7"]);
    github.open_pull_requests(&old()).await.unwrap();
    assert_eq!(github.names().moved_from(&old()), moved(5, "now/store", true), "it stays so");
    // The one before it is gone too.
    server.name(&[("acme/shop", 9)]);
    let error = github.open_pull_requests(&old()).await.expect_err("nothing is known");
    assert!(error.message().contains("another repository") && error.message().contains("restart"), "{error}");
}

#[tokio::test]
async fn no_credentials_are_sent_to_another_server() {
    let (server, other) = (Server::start().await, Server::start().await);
    other.name(&[("acme/shop", 5)]);
    *server.elsewhere.lock().unwrap() = Some(other.url.clone());
    let error = server.github().pull_request(&key()).await.expect_err("it leads to another server");
    assert!(error.message().contains("another server"), "{error}");
    assert!(other.take().is_empty());
    // One that leads in a circle is given up.
    *server.elsewhere.lock().unwrap() = Some(server.url.clone());
    server.take();
    let error = server.github().pull_request(&key()).await.expect_err("it leads in a circle");
    assert!(error.message().contains("again and again"), "{error}");
    assert_eq!(server.take().len(), 2);
}
