//! A recording in front of another project's emulator.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderName, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::judge::Judge;

/// The largest request that is read. AWS's own limits are far below.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Forwards every call and shows it, with its answer, to a judge. Dropping it ends it and fails the test as
/// [`Judge::finish`] does. It runs on a thread of its own, so a test that blocks its runtime does not stop it.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    judge: Arc<Judge>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Front {
    upstream: String,
    client: reqwest::Client,
    judge: Arc<Judge>,
}

impl Proxy {
    /// Starts one on a free loopback port in front of `upstream`, an address like `http://127.0.0.1:PORT`.
    ///
    /// # Errors
    /// If no port is free, or no client or runtime can be built.
    pub fn start(upstream: &str, judge: Judge) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        let judge = Arc::new(judge);
        let front = Arc::new(Front { upstream: upstream.to_owned(), client, judge: Arc::clone(&judge) });
        let router = Router::new().fallback(forward).with_state(front);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let server = thread::spawn(move || {
            let served = runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served,
                    _ = stopped => Ok(()),
                }
            });
            if let Err(error) = served {
                eprintln!("the recording in front of an emulator ended: {error}");
            }
        });
        Ok(Self { url, judge, stop: Some(stop), server: Some(server) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // A panic of the server is on standard error already.
            let _ = server.join();
        }
        self.judge.finish();
    }
}

async fn forward(State(front): State<Arc<Front>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, MAX_BODY).await {
        Ok(body) => body,
        Err(error) => return (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response(),
    };
    let request = Request::from_parts(parts, body);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut forwarded = front.client.request(request.method().clone(), format!("{}{path}", front.upstream));
    for (name, value) in request.headers().iter().filter(|(name, _)| !is_of_connection(name)) {
        forwarded = forwarded.header(name, value);
    }
    let answer = match answered(forwarded.body(request.body().clone())).await {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("an emulator did not answer: {error}");
            front.judge.record(&request, None);
            let mut gone = Response::new(Body::empty());
            *gone.status_mut() = StatusCode::BAD_GATEWAY;
            return gone;
        }
    };
    front.judge.record(&request, Some(&answer));
    answer.map(Body::from)
}

async fn answered(request: reqwest::RequestBuilder) -> Result<Response<Bytes>, reqwest::Error> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut passed = Response::new(answer.bytes().await?);
    *passed.status_mut() = status;
    for (name, value) in headers.iter().filter(|(name, _)| !is_of_connection(name)) {
        passed.headers_mut().append(name.clone(), value.clone());
    }
    Ok(passed)
}

/// Headers that belong to one connection and not to the message (RFC 9110, 7.6.1), and those that each side computes for
/// itself. `host` stays out too: the emulator is asked by its own address.
fn is_of_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::CONTENT_LENGTH, header::HOST, header::TRANSFER_ENCODING].contains(name)
}
