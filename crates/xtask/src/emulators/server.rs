//! An emulator that listens on a loopback port.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::cache::{Cache, tail};
use crate::error::{Error, Result};
use crate::process::GLANCE;
use crate::supervise::{self, Supervised};

/// How long an emulator may take to answer its first call. Measured: two seconds for the slowest, on two idle cores;
/// a busy machine is much slower.
const READY: Duration = Duration::from_secs(60);

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// A free port can be taken by somebody else between our look and the emulator's; then another is tried.
const ATTEMPTS: u32 = 3;

/// A call that shows that an emulator works: AWS's JSON protocol, an operation that lists something and changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// `X-Amz-Target`: service and operation.
    pub target: &'static str,
    /// The service's name in a signature's scope, by which moto finds the service. Nobody checks the signature.
    pub scope: &'static str,
    /// A key that the answer has.
    pub expect: &'static str,
}

/// A running emulator. It ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    process: Supervised,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts what `command` gives for a free port, and waits until it has answered the probe.
    pub fn start(name: &'static str, cache: &Cache, probe: Probe, command: impl Fn(u16) -> Command) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let address = free_address()?;
            let (output, log) = cache.log(name)?;
            let process = supervise::spawn(&command(address.port()), output)?;
            let mut server = Self { name, process, address, log };
            match server.wait(cache, probe) {
                Ok(()) => return Ok(server),
                Err(Error::NotReady { .. }) if attempt < ATTEMPTS && !server.process.is_running()? => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An error once it has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        if self.process.is_running()? { Ok(()) } else { Err(self.not_ready("ended by itself".into())) }
    }

    fn wait(&mut self, cache: &Cache, probe: Probe) -> Result<()> {
        let started = Instant::now();
        loop {
            cache.signals().check()?;
            self.check()?;
            let seen = match probe.ask(self.address) {
                Ok(answer) if probe.accepts(&answer) => {
                    println!(
                        "   {} answers on {} after {:.1} s",
                        self.name,
                        self.address,
                        started.elapsed().as_secs_f64()
                    );
                    return Ok(());
                }
                Ok(answer) => format!("answers, but not as it should: {}", answer.trim()),
                Err(error) => format!("does not answer: {error}"),
            };
            if started.elapsed() > READY {
                return Err(self.not_ready(format!("{seen}, {} s after its start", READY.as_secs())));
            }
            thread::sleep(GLANCE);
        }
    }

    fn not_ready(&self, what: String) -> Error {
        Error::NotReady { name: self.name.into(), what, tail: tail(&self.log), log: self.log.clone() }
    }
}

impl Probe {
    /// One request on one connection, by hand: a client library would be the only one in this program.
    fn ask(self, address: SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        stream.write_all(self.request(address).as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn request(self, address: SocketAddr) -> String {
        let Self { target, scope, .. } = self;
        format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Amz-Target: {target}\r\n\
             Content-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=bivouac/20260101/us-east-1/{scope}/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=0\r\nContent-Length: 2\r\n\r\n{{}}"
        )
    }

    fn accepts(self, answer: &str) -> bool {
        answer.starts_with("HTTP/1.1 200 ") && answer.contains(&format!("\"{}\"", self.expect))
    }
}

/// An address of the loopback interface that nobody listens on just now.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::system("find a free port"))?;
    listener.local_addr().map_err(Error::system("find a free port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: Probe = Probe { target: "Service.ListThings", scope: "thing", expect: "Things" };

    /// A server that answers one request with `answer`, and the address to ask.
    fn once(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let address = listener.local_addr().expect("bound");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n{}") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("the whole request");
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).expect("answers");
        });
        address
    }

    #[test]
    fn only_the_expected_answer_is_ready() {
        let good = once("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Things\": []}");
        assert!(PROBE.accepts(&PROBE.ask(good).expect("an answer")));
        let starting = once("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"Things\": []}");
        assert!(!PROBE.accepts(&PROBE.ask(starting).expect("an answer")));
        let other = once("HTTP/1.1 200 OK\r\n\r\n<html>");
        assert!(!PROBE.accepts(&PROBE.ask(other).expect("an answer")));
    }

    #[test]
    fn nobody_there_is_no_answer() {
        PROBE.ask(free_address().expect("a port")).expect_err("nobody listens");
    }
}
