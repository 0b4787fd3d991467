//! What the system logs, for tests that count how often something is said.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The warnings of our own crates since [`Logs::start`], on the thread that started it: for tests whose runtime has one.
#[derive(Debug)]
pub struct Logs {
    lines: Lines,
    _guard: DefaultGuard,
}

impl Logs {
    /// Keeps what this thread logs from `warn` on, until it is dropped.
    pub fn start() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let ours = "off,bivouac=warn,bivouac_controller=warn,bivouac_aws=warn,bivouac_github=warn";
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(ours))
            .with_ansi(false)
            .with_writer(move || writer.clone());
        Self { lines, _guard: subscriber.finish().set_default() }
    }

    /// The lines that contain this.
    pub fn with(&self, text: &str) -> Vec<String> {
        let logged = self.lines.0.lock().expect("nobody panics while holding it").clone();
        String::from_utf8_lossy(&logged).lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while holding it").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
