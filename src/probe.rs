//! The probe: asks an environment over plain HTTP whether it is well, and when it was last used.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bivouac_model::{Health, LastUse, MAX_LAST_USE_BYTES};
use bivouac_ports::{Probe, is_local};
use tokio::time::Instant;

/// How long an answer may take. An application on a quarter of a vCPU that has just started is slow; one that takes longer
/// than this is of no use to a person either.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much later than [`TIMEOUT`] a timeout may be noticed. A process that notices it later was itself stopped or too busy,
/// and the answer may have come in time.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// A probe over HTTP, as a kubelet's `httpGet` probe: every answer from 200 to 399 passes, and no redirect is followed.
#[derive(Clone, Debug)]
pub struct HttpProbe {
    client: reqwest::Client,
}

impl HttpProbe {
    /// A probe that uses no proxy: the address is asked itself.
    ///
    /// # Errors
    /// When the HTTP client cannot be made, which no configuration of ours causes.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("bivouac/", env!("CARGO_PKG_VERSION")))
            // Each look may be at another task, and a connection kept to one that is gone would tell nothing.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client })
    }

    async fn get(&self, ip: IpAddr, port: u16, path: &str) -> Result<reqwest::Response, reqwest::Error> {
        let host = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        self.client.get(format!("http://{host}:{port}{path}")).send().await
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn probe(&self, ip: IpAddr, port: u16, path: &str) -> Health {
        let began = Instant::now();
        match self.get(ip, port, path).await {
            Ok(answer) if (200..400).contains(&answer.status().as_u16()) => Health::Passing,
            Ok(answer) => Health::Status(answer.status().as_u16()),
            Err(error) if is_local(&error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an environment cannot be asked");
                Health::Unasked("this machine has no connection to ask it".into())
            }
            Err(error) if error.is_timeout() && began.elapsed() > TIMEOUT + NOTICED_WITHIN => {
                Health::Unasked("the controller was too busy to hear an answer".into())
            }
            Err(error) => Health::Silent(plain(&error).into()),
        }
    }

    async fn last_use(&self, ip: IpAddr, port: u16, path: &str) -> LastUse {
        let mut answer = match self.get(ip, port, path).await {
            Ok(answer) if answer.status() == reqwest::StatusCode::OK => answer,
            Ok(answer) => return LastUse::Unknown(format!("it answers with status {}", answer.status().as_u16())),
            Err(error) => return LastUse::Unknown(plain(&error).into()),
        };
        let mut body = Vec::new();
        // One byte too many is enough to know that it is no answer, however much is to come.
        while body.len() <= MAX_LAST_USE_BYTES {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return LastUse::Unknown(plain(&error).into()),
            }
        }
        LastUse::read(&body)
    }
}

/// In words that are the same at every look: no address, no time.
fn plain(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it does not answer within 5 seconds"
    } else if error.is_connect() {
        "it refuses the connection"
    } else {
        "it breaks the connection off"
    }
}

#[cfg(test)]
mod tests;
