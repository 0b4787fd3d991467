//! Who falls asleep by itself, and who cannot.

use bivouac_model::format_duration;

use super::{Config, ProjectConfig};

impl Config {
    /// Why a project's environments do not fall asleep by themselves, though `guardrails.idle_after` is set: in a sentence for
    /// `run` and `doctor`. `None`: they do, or nobody wants them to.
    pub fn sleepless(&self, project: &ProjectConfig) -> Option<String> {
        let after = Some(self.guardrails.idle_after).filter(|after| !after.is_zero())?;
        project.idle_path.is_none().then(|| {
            format!(
                "guardrails.idle_after is {}, but environments of {} do not fall asleep by themselves: there is no load \
                 balancer before them, so nobody but the application can tell when it was last used",
                format_duration(after),
                project.repo
            )
        })
    }
}

/// What mends it.
pub const GIVE_A_PATH: &str = "set `idle_path` of the project to a path where the application answers how many seconds ago it \
                               was last used, or when; or set `guardrails.idle_after` to 0s";
