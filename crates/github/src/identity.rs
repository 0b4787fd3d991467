//! Who we are to GitHub, for as long as the credentials stay the same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bivouac_ports::CurrentSecret;
use octocrab::Octocrab;

use crate::installations::Installations;
use crate::settings::{Credentials, Settings, SetupError};

/// Follows the credentials: octocrab takes them when it is made, so each change makes another one.
pub(crate) struct Identity {
    settings: Settings,
    known: Mutex<Known>,
}

struct Known {
    person: Arc<Person>,
    /// The newest version that was tried, also if nothing could be made of it.
    tried: u64,
}

/// What belongs to one version of the credentials, and is dropped with it.
pub(crate) struct Person {
    pub version: u64,
    pub crab: Octocrab,
    /// Of a GitHub App alone. Their tokens were made with its key.
    pub installations: Option<Installations>,
}

impl Identity {
    /// With the credentials as they are now. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`SetupError`] when nothing can be made of them.
    pub fn new(settings: &Settings) -> Result<Self, SetupError> {
        let secret = settings.credentials.secret().current();
        let person = Arc::new(Person::new(settings, &secret)?);
        Ok(Self { settings: settings.clone(), known: Mutex::new(Known { person, tried: secret.version() }) })
    }

    /// Whether we are a GitHub App.
    pub fn is_app(&self) -> bool {
        is_app(&self.settings)
    }

    /// Who we are now. Needs a tokio runtime.
    pub fn current(&self) -> Arc<Person> {
        self.follow(&self.settings.credentials.secret().current())
    }

    /// The same, after GitHub has refused our credentials.
    pub fn look_again(&self) -> Arc<Person> {
        self.follow(&self.settings.credentials.secret().look_again())
    }

    /// Credentials of which nothing can be made are logged once. The last ones that worked stay until there are others.
    fn follow(&self, secret: &CurrentSecret) -> Arc<Person> {
        let mut known = self.known();
        if known.tried != secret.version() {
            known.tried = secret.version();
            match Person::new(&self.settings, secret) {
                Ok(person) => {
                    tracing::info!("the GitHub credentials have changed; the new ones are used from now on");
                    known.person = Arc::new(person);
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the GitHub credentials have changed and cannot be used; the old ones stay");
                }
            }
        }
        Arc::clone(&known.person)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is one assignment, so it is whole also after a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Person {
    fn new(settings: &Settings, secret: &CurrentSecret) -> Result<Self, SetupError> {
        Ok(Self {
            version: secret.version(),
            crab: settings.octocrab(secret.value())?,
            installations: is_app(settings).then(Installations::default),
        })
    }
}

fn is_app(settings: &Settings) -> bool {
    matches!(settings.credentials, Credentials::App { .. })
}
