//! The web servers of tasks: each RUNNING task with a public address really answers there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::Fate;
use crate::model::ecs::TaskId;
use crate::model::ecs::launch::environment;
use crate::model::ecs::network::Provider;
use crate::model::{Effect, World};
use crate::shared::Shared;

/// A /16 of loopback addresses that this cloud alone gives to its tasks.
///
/// Clouds of other tests, in this process or another, run at the same time: the block is
/// claimed by a socket on its last address and free again when that closes.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) number: u8,
    _claim: std::net::TcpListener,
}

/// Any port would do, so long as all clouds take the same.
const CLAIM_PORT: u16 = 59_127;

impl Block {
    /// Claims a free block, beginning with the one that the seed names.
    pub(crate) fn claim(seed: u64) -> Result<Self, Error> {
        // 127.0 and 127.1 are left to the machine.
        const BLOCKS: u64 = 252;
        for attempt in 0..BLOCKS {
            let number = 2 + u8::try_from((seed % BLOCKS + attempt) % BLOCKS).unwrap_or_default();
            let address = (Ipv4Addr::new(127, number, 255, 254), CLAIM_PORT);
            if let Ok(claim) = std::net::TcpListener::bind(address) {
                return Ok(Self { number, _claim: claim });
            }
        }
        Err(Error::NoLoopbackBlock)
    }
}

/// Starts and stops the web servers as the model says.
#[derive(Debug)]
pub(crate) struct Servers {
    shared: Arc<Shared>,
    tracker: TaskTracker,
    cancelled: CancellationToken,
    running: HashMap<TaskId, CancellationToken>,
}

impl Servers {
    pub(crate) fn new(shared: Arc<Shared>, tracker: TaskTracker, cancelled: CancellationToken) -> Self {
        Self { shared, tracker, cancelled, running: HashMap::new() }
    }

    pub(crate) async fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Serve { task, address, ports } => self.serve(task, address, &ports).await,
            Effect::Silence { task } => {
                if let Some(server) = self.running.remove(&task) {
                    server.cancel();
                }
            }
        }
    }

    async fn serve(&mut self, task: TaskId, address: Ipv4Addr, ports: &[u16]) {
        let stop = self.cancelled.child_token();
        for port in ports {
            let at = SocketAddr::new(IpAddr::V4(address), *port);
            match TcpListener::bind(at).await {
                Ok(listener) => {
                    let page = Page { shared: Arc::clone(&self.shared), task: Arc::clone(&task) };
                    let router = Router::new().fallback(show).with_state(Arc::new(page));
                    let stopped = stop.clone();
                    self.tracker.spawn(async move {
                        // Cut off, not drained: a container that was killed answers nobody.
                        tokio::select! {
                            () = stopped.cancelled() => {}
                            served = axum::serve(listener, router) => {
                                if let Err(error) = served {
                                    tracing::warn!(%error, "a task's web server ended");
                                }
                            }
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%at, %error, "a task's web server cannot listen");
                }
            }
        }
        self.running.insert(task, stop);
    }
}

/// What one task shows.
struct Page {
    shared: Arc<Shared>,
    task: TaskId,
}

async fn show(State(page): State<Arc<Page>>, uri: Uri) -> Response {
    let shown = page.shared.with(|world| {
        let shown = render(world, &page.task, uri.path());
        let line = match &shown {
            Some((status, _)) => format!("GET {} {status}", uri.path()),
            None => format!("GET {}: connection closed", uri.path()),
        };
        world.write_log(&page.task, line);
        shown
    });
    match shown {
        Some((status, html)) => {
            let mut response = Response::new(Body::from(html));
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, html);
            response
        }
        None => {
            let closed = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            let body = futures::stream::once(async move { Err::<Vec<u8>, _>(closed) });
            Response::new(Body::from_stream(body))
        }
    }
}

/// The status and page of a task, or nothing if it is to close the connection.
fn render(world: &World, id: &TaskId, path: &str) -> Option<(u16, String)> {
    let task = world.ecs.tasks.get(id)?;
    let images: Vec<&str> = task.definition.containers.iter().map(|container| container.image.as_str()).collect();
    let status = match world.ecs.fates.answer(task.service.as_deref(), &images, &task.fate) {
        Fate::Answers { status } => status,
        Fate::RefusesConnections => return None,
        Fate::Says { path: own, text } if own == path => return Some((200, text)),
        _ => 200,
    };
    let name = task.service.as_deref().unwrap_or(&task.group);
    let capacity = if task.provider == Provider::Spot { "Fargate Spot" } else { "Fargate" };
    let variables = environment(&task.definition);
    let rows: String = variables
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            format!("<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value))
        })
        .collect();
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}}\
         th{{text-align:left;padding-right:1rem}}td,th{{font-family:monospace}}</style>\
         <h1>{name}</h1><p>This is a task of the embedded cloud, running on {capacity}.</p>\
         <table><tr><th>image</th><td>{image}</td></tr>\
         <tr><th>task definition</th><td>{family}:{revision}</td></tr>\
         <tr><th>task</th><td>{id}</td></tr></table><h2>Environment</h2><table>{rows}</table></html>\n",
        name = escape(name),
        image = escape(images.first().copied().unwrap_or_default()),
        family = escape(&task.definition.family),
        revision = task.definition.revision,
    );
    Some((status, html))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
