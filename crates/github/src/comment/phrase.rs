//! What each phase is called when one talks to a person.

use bivouac_model::Phase;

/// The sign and the headline.
pub(crate) fn headline(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::Pending => ("⏳", "Your test environment is on its way"),
        Phase::WaitingForImage => ("📦", "Your test environment waits for its image"),
        Phase::Queued => ("🚦", "Your test environment waits for a free place"),
        Phase::Provisioning => ("🏗️", "Your test environment is being set up"),
        Phase::Starting => ("🚀", "Your test environment is starting"),
        Phase::Ready => ("✅", "Your test environment is ready"),
        Phase::Degraded => ("⚠️", "Your test environment is not well and being mended"),
        Phase::Failed => ("❌", "Your test environment failed"),
        Phase::Asleep => ("💤", "Your test environment is asleep"),
        Phase::Terminating => ("🧹", "Your test environment is being taken down"),
        Phase::Terminated => ("🧹", "Your test environment was taken down"),
        Phase::Invalid => ("⛔", "This request cannot be understood"),
    }
}

/// The word in the table.
pub(super) fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::WaitingForImage => "Waiting for image",
        other => other.as_str(),
    }
}

/// How loud the message is, as one of [GitHub's alerts]; absent: plain.
///
/// [GitHub's alerts]: https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#alerts
pub(super) fn alert(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Failed | Phase::Invalid => Some("CAUTION"),
        Phase::Degraded => Some("WARNING"),
        _ => None,
    }
}

/// Whether people are meant to click the address.
pub(crate) fn answers(phase: Phase) -> bool {
    matches!(phase, Phase::Ready | Phase::Degraded)
}

/// Whether its time runs: nothing that is gone, or never was, expires.
pub(super) fn expires(phase: Phase) -> bool {
    !matches!(phase, Phase::Terminating | Phase::Terminated | Phase::Invalid)
}
