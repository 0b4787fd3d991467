//! A secret that may change while the program runs.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

/// Where a secret comes from: a file that is rotated, or a value that stays.
///
/// `Debug` of an implementation never shows the secret.
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// Returns the secret as it is now. Quick enough to be called for each use. There always is one: a source whose origin
    /// cannot be read for a while keeps the last good value.
    fn current(&self) -> CurrentSecret;

    /// Looks at the origin at once, because the other side refused the value. Returns the secret as it is then. Called
    /// without need, it costs one read.
    fn look_again(&self) -> CurrentSecret;
}

/// A secret at one moment. A clone shares the value. `Debug` does not show it.
#[derive(Clone)]
pub struct CurrentSecret {
    value: Arc<SecretString>,
    version: u64,
}

impl CurrentSecret {
    /// A value and its version.
    pub fn new(value: SecretString, version: u64) -> Self {
        Self { value: Arc::new(value), version }
    }

    /// The value.
    pub fn value(&self) -> &SecretString {
        &self.value
    }

    /// Differs whenever the value differs. Versions of one source can be compared, those of two sources cannot.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl fmt::Debug for CurrentSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurrentSecret(version {})", self.version)
    }
}

/// A source that several places use. A clone is the same source.
#[derive(Clone, Debug)]
pub struct SharedSecret(Arc<dyn SecretSource>);

impl SharedSecret {
    /// Shares a source.
    pub fn new(source: impl SecretSource + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// See [`SecretSource::current`].
    pub fn current(&self) -> CurrentSecret {
        self.0.current()
    }

    /// See [`SecretSource::look_again`].
    pub fn look_again(&self) -> CurrentSecret {
        self.0.look_again()
    }
}

/// A secret that stays as it is: from a variable, or of a test.
struct FixedSecret(CurrentSecret);

impl SecretSource for FixedSecret {
    fn current(&self) -> CurrentSecret {
        self.0.clone()
    }

    fn look_again(&self) -> CurrentSecret {
        self.current()
    }
}

impl fmt::Debug for FixedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedSecret")
    }
}

impl From<SecretString> for SharedSecret {
    fn from(value: SecretString) -> Self {
        Self::new(FixedSecret(CurrentSecret::new(value, 0)))
    }
}

impl From<String> for SharedSecret {
    fn from(value: String) -> Self {
        Self::from(SecretString::from(value))
    }
}

impl From<&str> for SharedSecret {
    fn from(value: &str) -> Self {
        Self::from(SecretString::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let secret = SharedSecret::from("hunter2");
        let printed = format!("{secret:?} {:?}", secret.current());
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
