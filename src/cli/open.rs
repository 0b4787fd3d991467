//! `open`: the address of an environment, in a browser.

use bivouac_model::Status;
use serde::Serialize;

use super::args::Named;
use super::output::columns::plain;
use super::session::Session;
use crate::exit::Failure;

/// What `open -o json` prints.
#[derive(Debug, Serialize)]
struct Opened<'a> {
    environment: String,
    url: &'a str,
}

/// Prints the address of an environment and opens it in a browser. Where there is no browser, the address is all.
///
/// # Errors
/// `Failed` when the environment is not there or has no address.
pub async fn open(session: &mut Session, asked: Named) -> Result<(), Failure> {
    let key = asked.env.resolve(&session.config)?;
    let record = session.record(&key).await?;
    let url = match record.status.as_ref() {
        Some(Status { url: Some(url), .. }) => url.clone(),
        Some(status) => {
            let message =
                if status.message.is_empty() { String::new() } else { format!(": {}", plain(&status.message)) };
            return Err(Failure::Failed(format!("{key} has no address. It is {}{message}", status.phase_word())));
        }
        None => return Err(Failure::Failed(format!("{key} has no address. The controller has not seen it yet"))),
    };
    // Anything that can write to the table can write an address, and a browser's launcher opens files and programs too.
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err(Failure::Failed(format!("{key} has the address `{}`, which is no web address", plain(&url))));
    }
    let opened = Opened { environment: key.to_string(), url: &url };
    if !session.terminal.structured(session.format, &opened)? {
        session.terminal.say(&plain(&url))?;
    }
    if let Err(error) = (session.workload.browser)(&url) {
        session.terminal.remark(&format!("note: no browser could be opened ({error}). Open the address yourself."))?;
    }
    Ok(())
}
