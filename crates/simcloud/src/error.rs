use std::net::SocketAddr;

/// What can go wrong while the embedded cloud starts.
///
/// A call to a running cloud never yields this: it answers on the wire, in the
/// shape AWS would use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener could not be opened.
    #[error("cannot listen on {address} for {purpose}")]
    Listen {
        /// Where it tried to listen.
        address: SocketAddr,
        /// What the listener is for.
        purpose: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No block of loopback addresses is free for the web servers of tasks.
    ///
    /// Linux answers on all of `127.0.0.0/8`; other systems only on what was
    /// configured. [`Options::serve_tasks`](crate::Options::serve_tasks) set
    /// to `false` does without.
    #[error("no free block of loopback addresses 127.x.0.0/16 for the web servers of tasks")]
    NoLoopbackBlock,
    /// The embedded DynamoDB engine did not start.
    #[error("the embedded DynamoDB engine did not start: {message}")]
    Database {
        /// What the engine said.
        message: String,
    },
    /// The client between the counting front and the DynamoDB engine failed to build.
    #[error("cannot build the HTTP client for the DynamoDB engine")]
    Client(#[source] reqwest::Error),
}
