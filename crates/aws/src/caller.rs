//! How a call is made: wait for its bucket, send it, give its failure a meaning.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bivouac_ports::{Error, Meaning, Result};

use crate::calls::Call;
use crate::error::from_sdk;
use crate::quota::Quotas;

/// How many calls of one listing are under way at once. The buckets bound their rate; this bounds the connections and
/// what a listing holds in memory.
pub(crate) const CONCURRENCY: usize = 8;

/// How long a call that stands back and changes something waits for its turn: twice what the slowest bucket takes for a
/// token, and well below the time that a write under a lease may take.
const PATIENCE_BEHIND: Duration = Duration::from_secs(2);

/// Makes calls within the quotas.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) quotas: Arc<Quotas>,
}

impl Caller {
    /// Makes a call.
    pub(crate) async fn call<O, E>(
        &self,
        call: &'static Call,
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    ) -> Result<O>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        self.quotas.admit(call).await;
        request.await.map_err(|error| from_sdk(call, error))
    }

    /// Makes a call that may fail with one of `codes`, which is an answer too: `None`.
    pub(crate) async fn call_unless<O, E>(
        &self,
        call: &'static Call,
        codes: &[&str],
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    ) -> Result<Option<O>>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        self.quotas.admit(call).await;
        match request.await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
            Err(error) => Err(from_sdk(call, error)),
        }
    }

    /// Makes a call that stands back behind all others, however long that takes.
    pub(crate) async fn call_behind<O, E>(
        &self,
        call: &'static Call,
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    ) -> Result<O>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        self.quotas.admit_behind(call).await;
        request.await.map_err(|error| from_sdk(call, error))
    }

    /// The same for a call that changes something, which waits a little only.
    ///
    /// # Errors
    /// `Throttled` and not sent when others had the bucket all the while.
    pub(crate) async fn change_behind<O, E>(
        &self,
        call: &'static Call,
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    ) -> Result<O>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        if tokio::time::timeout(PATIENCE_BEHIND, self.quotas.admit_behind(call)).await.is_err() {
            let message = "others have the whole of AWS's rate, and this can wait";
            return Err(Error::new(Meaning::Throttled, call.name, message).unsent());
        }
        request.await.map_err(|error| from_sdk(call, error))
    }
}
