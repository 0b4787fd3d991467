//! How a call is made: wait for its bucket, send it, give its failure a meaning.

use std::error::Error as StdError;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bivouac_ports::Result;

use crate::calls::Call;
use crate::error::from_sdk;
use crate::quota::Quotas;

/// How many calls of one listing are under way at once. The buckets bound their rate; this bounds the connections and
/// what a listing holds in memory.
pub(crate) const CONCURRENCY: usize = 8;

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
}
