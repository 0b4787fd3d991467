//! Reading services.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_ecs::types::ServiceField;
use bivouac_model::ServiceView;
use bivouac_ports::{Error, Meaning, Result};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Ecs, read};
use crate::caller::CONCURRENCY;
use crate::calls::{DESCRIBE_SERVICES, LIST_SERVICES};

/// The largest page of ListServices (its default is 10).
const LISTED_A_PAGE: i32 = 100;

/// The most services that one DescribeServices takes.
pub(super) const DESCRIBED_A_CALL: usize = 10;

impl Ecs {
    pub(super) async fn list_services(&self) -> Result<Vec<String>> {
        let (mut names, mut token) = (Vec::new(), None);
        loop {
            let request = self.client.list_services().cluster(self.cluster()).max_results(LISTED_A_PAGE);
            let page = self.caller.call(&LIST_SERVICES, request.set_next_token(token).send()).await?;
            names.extend(page.service_arns().iter().map(|arn| read::last_part(arn).to_owned()));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    pub(super) async fn describe_services(&self, names: &[String]) -> Result<HashMap<String, ServiceView>> {
        // A name given twice would be answered once, and could be split over two calls.
        let names: Vec<&String> = names.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let chunks: Vec<Vec<String>> =
            names.chunks(DESCRIBED_A_CALL).map(|chunk| chunk.iter().map(|name| (*name).clone()).collect()).collect();
        stream::iter(chunks.into_iter().map(|chunk| self.describe_chunk(chunk)))
            .buffer_unordered(CONCURRENCY)
            .try_fold(HashMap::with_capacity(names.len()), async |mut all, chunk| {
                all.extend(chunk);
                Ok(all)
            })
            .await
    }

    async fn describe_chunk(&self, names: Vec<String>) -> Result<HashMap<String, ServiceView>> {
        let request = self.client.describe_services().cluster(self.cluster()).include(ServiceField::Tags);
        let request = request.set_services(Some(names.clone()));
        let answer = self.caller.call(&DESCRIBE_SERVICES, request.send()).await?;
        read::services_answered(names, answer.services(), answer.failures())
            .map_err(|told| Error::new(Meaning::Unavailable, DESCRIBE_SERVICES.name, told))
    }
}
