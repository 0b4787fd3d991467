use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use bivouac_model::LastUse;
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
