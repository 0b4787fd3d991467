use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use bivouac_model::{Health, LastUse};
use bivouac_ports::Probe as _;
use tokio::net::TcpListener;

use super::HttpProbe;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An application that says all that one can say, each at a path of its own.
async fn application() -> u16 {
    let endless = || async {
        let page = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("0".repeat(100)));
        Body::from_stream(page)
    };
    let broken = || async {
        let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        Body::from_stream(futures::stream::iter([Ok("36"), Err(cut)]))
    };
    let application = Router::new()
        .route("/seconds", get(|| async { "3600\n" }))
        .route("/time", get(|| async { "2026-11-23T12:00:00Z" }))
        .route("/page", get(|| async { "<!doctype html><h1>Hello</h1>" }))
        .route("/nothing", get(|| async { "" }))
        .route("/created", get(|| async { (StatusCode::CREATED, "3600") }))
        .route("/error", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "3600") }))
        .route("/elsewhere", get(|| async { Redirect::to("/seconds") }))
        .route("/large", get(|| async { "7".repeat(1025) }))
        .route("/endless", get(endless))
        .route("/broken", get(broken));
    let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(listener, application).await });
    port
}

#[tokio::test]
async fn an_application_says_when_it_was_last_used_or_nothing_that_counts() {
    let port = application().await;
    let probe = HttpProbe::new().expect("a client");
    let unknown = |why: &str| LastUse::Unknown(why.into());
    let neither = || unknown("it answers neither seconds nor a time");
    for (path, said) in [
        ("/seconds", LastUse::Ago(Duration::from_secs(3600))),
        ("/time", LastUse::At("2026-11-23T12:00:00Z".parse().expect("a time"))),
        ("/page", neither()),
        ("/nothing", neither()),
        ("/created", unknown("it answers with status 201")),
        ("/error", unknown("it answers with status 500")),
        ("/elsewhere", unknown("it answers with status 303")),
        ("/not-there", unknown("it answers with status 404")),
        ("/large", unknown("it answers more than 1024 bytes")),
        ("/endless", unknown("it answers more than 1024 bytes")),
        ("/broken", unknown("it breaks the connection off")),
    ] {
        assert_eq!(probe.last_use(HERE, port, path).await, said, "{path}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_said() {
    let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let said = HttpProbe::new().expect("a client").last_use(HERE, port, "/idle").await;
    assert_eq!(said, LastUse::Unknown("it refuses the connection".into()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_environment_that_we_cannot_reach_says_nothing_of_itself() {
    let probe = HttpProbe::new().expect("a client");
    // Linux connects to no multicast address and says ENETUNREACH, as it does without a route.
    let unreachable = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1));
    let health = probe.probe(unreachable, 8080, "/health").await;
    assert_eq!(health, Health::Unasked("this machine has no connection to ask it".into()));
    // Without a listener, the other side says so itself.
    let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    assert_eq!(probe.probe(HERE, port, "/health").await, Health::Silent("it refuses the connection".into()));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_counts_only_if_it_is_noticed_in_time() {
    let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let probe = HttpProbe::new().expect("a client");
    let (health, connection) = tokio::join!(probe.probe(HERE, port, "/health"), listener.accept());
    assert_eq!(health, Health::Silent("it does not answer within 5 seconds".into()));
    drop(connection);
    // A process that is stopped for a minute may find the answer and the end of its patience at once.
    let (health, _connection) = tokio::join!(probe.probe(HERE, port, "/health"), async {
        let connection = listener.accept().await;
        tokio::time::advance(Duration::from_secs(60)).await;
        connection
    });
    assert_eq!(health, Health::Unasked("the controller was too busy to hear an answer".into()));
}
