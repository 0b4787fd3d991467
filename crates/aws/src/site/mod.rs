//! The site: the cluster, its network, and what we may read there.
//!
//! - [`network`]: subnets, security groups and routes, out of EC2's types.
//! - [`reads`]: every read of the daemon, tried in its smallest form.

mod network;
mod reads;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bivouac_ports::{Error, Meaning, Result, Site, SiteCluster, SiteGroup, SiteRead, SiteSubnet};

use crate::caller::Caller;
use crate::calls::DESCRIBE_CLUSTERS;
use crate::dynamodb::TableNames;
use crate::ecs::capacity;
use crate::{EcsSettings, Quotas, Sdk};

/// The site of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AwsSite {
    ecs: aws_sdk_ecs::Client,
    ec2: aws_sdk_ec2::Client,
    ecr: aws_sdk_ecr::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
    caller: Caller,
    settings: Arc<EcsSettings>,
    tables: Arc<TableNames>,
}

impl AwsSite {
    /// The site of the cluster that `settings` name, with the tables that begin with `prefix`. Nothing is called yet.
    /// `quotas` are those of the account and region, shared with everything else that calls there.
    pub fn new(sdk: &Sdk, quotas: Arc<Quotas>, settings: EcsSettings, prefix: &str) -> Self {
        Self {
            ecs: sdk.ecs(),
            ec2: sdk.ec2(),
            ecr: sdk.ecr(),
            dynamodb: sdk.dynamodb(),
            streams: sdk.dynamodb_streams(),
            caller: Caller { quotas },
            settings: Arc::new(settings),
            tables: Arc::new(TableNames::with_prefix(prefix)),
        }
    }
}

#[async_trait]
impl Site for AwsSite {
    async fn cluster(&self) -> Result<SiteCluster> {
        let name = &self.settings.cluster;
        let request = self.ecs.describe_clusters().clusters(name);
        let answer = self.caller.call(&DESCRIBE_CLUSTERS, request.send()).await?;
        let cluster = answer.clusters().first().ok_or_else(|| {
            Error::new(Meaning::NotFound, DESCRIBE_CLUSTERS.name, format!("there is no cluster {name}"))
        })?;
        Ok(SiteCluster {
            arn: cluster.cluster_arn().unwrap_or_default().to_owned(),
            status: cluster.status().unwrap_or("unknown").to_owned(),
            capacities: cluster.capacity_providers().iter().filter_map(|name| capacity(name)).collect(),
        })
    }

    async fn subnets(&self, ids: &[String]) -> Result<Vec<SiteSubnet>> {
        network::subnets(&self.ec2, &self.caller, ids).await
    }

    async fn security_groups(&self, ids: &[String]) -> Result<Vec<SiteGroup>> {
        network::security_groups(&self.ec2, &self.caller, ids).await
    }

    async fn public_subnets(&self, subnets: &[SiteSubnet]) -> Result<BTreeSet<String>> {
        network::public_subnets(&self.ec2, &self.caller, subnets).await
    }

    async fn reads(&self, repositories: &[String]) -> Vec<SiteRead> {
        self.try_reads(repositories).await
    }

    fn untried(&self) -> Vec<String> {
        reads::untried()
    }
}
