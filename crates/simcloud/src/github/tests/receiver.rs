//! A small server that webhooks are delivered to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// Event and action.
    pub fn what(&self) -> String {
        let body = self.body();
        let action = body["action"].as_str().map(|action| format!(".{action}")).unwrap_or_default();
        format!("{}{action}", self.header("x-github-event"))
    }
}

#[derive(Default)]
struct Seen {
    received: Vec<Received>,
    answers: VecDeque<StatusCode>,
}

/// Answers 202, or what it was told to, and keeps what came.
#[derive(Clone, Default)]
pub(super) struct Receiver(Arc<Mutex<Seen>>);

impl Receiver {
    /// Starts it, and answers its address.
    pub async fn start() -> (Receiver, String) {
        let receiver = Receiver::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    pub fn received(&self) -> Vec<Received> {
        self.0.lock().unwrap().received.clone()
    }

    pub fn clear(&self) {
        self.0.lock().unwrap().received.clear();
    }

    /// Answers this to the next.
    pub fn answer(&self, status: StatusCode) {
        self.0.lock().unwrap().answers.push_back(status);
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    let mut seen = receiver.0.lock().unwrap();
    seen.received.push(Received { headers, bytes });
    seen.answers.pop_front().unwrap_or(StatusCode::ACCEPTED)
}
