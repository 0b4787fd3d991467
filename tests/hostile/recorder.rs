//! A recorder before a server: it forwards what one process sends, and notes what arrived when.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// One request that has arrived whole.
#[derive(Clone, Debug)]
pub struct Call {
    /// When.
    pub at: Instant,
    /// What: the operation of AWS, or method and path.
    pub what: String,
    /// What it is for.
    pub kind: Kind,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing.
    Read,
    /// It changes the world.
    Write,
    /// It is about the lease, which a process that does not lead asks for too.
    Lease,
}

/// Listens on a port of its own until it is dropped.
pub struct Recorder {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    closed: Arc<AtomicBool>,
}

impl Recorder {
    /// Before the server at this address, such as `http://127.0.0.1:4000`.
    pub fn before(url: &str) -> Self {
        let server: SocketAddr = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (calls, closed) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::<AtomicBool>::default());
        let (noted, is_closed) = (Arc::clone(&calls), Arc::clone(&closed));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
                forward(client, server, Arc::clone(&noted));
            }
        });
        Self { address, calls, closed }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has arrived, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("not poisoned").clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the one who listens.
        let _ = TcpStream::connect(self.address);
    }
}

/// Both directions in threads of their own, which end with the connection.
fn forward(client: TcpStream, server: TcpStream, noted: Arc<Mutex<Vec<Call>>>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("an option");
    }
    let (mut answers, mut back) = (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let mut server = server;
        let mut requests = BufReader::new(client);
        while let Some((head, body)) = request(&mut requests) {
            let call = understand(&head, &body);
            noted.lock().expect("not poisoned").push(call);
            if server.write_all(head.as_bytes()).and_then(|()| server.write_all(&body)).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    });
}

/// The next request whole: its head with the empty line, and its body.
fn request(from: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// The value of a header.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn understand(head: &str, body: &[u8]) -> Call {
    /// What AWS's reading operations begin with; those of EC2, which stand in the body, are all of them reading.
    const READING: [&str; 6] = ["Describe", "List", "Get", "BatchGet", "Query", "Scan"];
    let body = String::from_utf8_lossy(body);
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let operation = header(head, "x-amz-target").and_then(|target| target.split('.').next_back());
    let (what, is_read) = match operation {
        Some(operation) => (operation.to_owned(), READING.iter().any(|word| operation.starts_with(word))),
        None if body.starts_with("Action=Describe") => ("EC2".to_owned(), true),
        None => (line.clone(), line.starts_with("GET ") || line.ends_with("/access_tokens")),
    };
    let kind = match is_read {
        _ if operation.is_some() && body.contains("bivouac-leases") => Kind::Lease,
        true => Kind::Read,
        false => Kind::Write,
    };
    Call { at: Instant::now(), what, kind }
}
