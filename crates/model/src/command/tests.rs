use super::*;

mod finding;
mod mail;
mod properties;
mod reading;
mod wishing;

const NAME: &str = "/testenv";

/// A property is tried so often; `PROPTEST_CASES` may say otherwise, for a run through a night.
fn often(cases: u32) -> proptest::test_runner::Config {
    let config = proptest::test_runner::Config::default();
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    proptest::test_runner::Config { cases: if asked { config.cases } else { cases }, ..config }
}

/// What a comment says, a line each.
fn said(body: &str) -> Vec<String> {
    read_commands(body, NAME)
        .into_iter()
        .map(|reading| match reading.command {
            Ok(command) => command.to_string(),
            Err(error) => format!("error: {error}"),
        })
        .collect()
}

fn ttl(seconds: u64) -> Ttl {
    Ttl::new(std::time::Duration::from_secs(seconds)).unwrap()
}
