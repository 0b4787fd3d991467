//! The door to the ground that environments are put on: what has to be there, and open to us, before anything can be made.
//! Nothing here writes; it is what `bivouac doctor` looks at.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bivouac_model::Capacity;

use crate::Result;

/// One cluster, its network, and what we may read there. Of one account and region.
#[async_trait]
pub trait Site: Send + Sync {
    /// The cluster.
    ///
    /// # Errors
    /// `NotFound` when there is no such cluster.
    async fn cluster(&self) -> Result<SiteCluster>;

    /// Subnets by id, in no order. One that is not there is left out.
    async fn subnets(&self, ids: &[String]) -> Result<Vec<SiteSubnet>>;

    /// Security groups by id, in no order. One that is not there is left out.
    async fn security_groups(&self, ids: &[String]) -> Result<Vec<SiteGroup>>;

    /// Which of these subnets have a route to an internet gateway.
    async fn public_subnets(&self, subnets: &[SiteSubnet]) -> Result<BTreeSet<String>>;

    /// Tries each read that the controller and the bot make, in its smallest form, all at once. `repositories` are those of
    /// the registry. Whatever answers them, what they would have been told is thrown away.
    async fn reads(&self, repositories: &[String]) -> Vec<SiteRead>;

    /// The actions of IAM that are needed too and are not among [`Site::reads`], since they change something or can be asked
    /// for only about what is there, such as `ecs:CreateService`.
    fn untried(&self) -> Vec<String>;
}

/// A cluster as the site has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteCluster {
    /// Its ARN, which tells region and account.
    pub arn: String,
    /// `ACTIVE`, or what keeps it from being that.
    pub status: String,
    /// What capacity was given to it.
    pub capacities: Vec<Capacity>,
}

impl SiteCluster {
    /// Region and account, out of `arn:aws:ecs:REGION:ACCOUNT:cluster/NAME`; `None` for anything else.
    pub fn region_and_account(&self) -> Option<(&str, &str)> {
        let mut parts = self.arn.split(':').skip(3);
        let (region, account) = (parts.next()?, parts.next()?);
        (!region.is_empty() && !account.is_empty()).then_some((region, account))
    }
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSubnet {
    /// `subnet-…`.
    pub id: String,
    /// The network that it is in.
    pub vpc: String,
    /// How many addresses are left in it; each task takes one.
    pub free_addresses: Option<u32>,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteGroup {
    /// `sg-…`.
    pub id: String,
    /// The network that it is in.
    pub vpc: String,
    /// The first and the last of the TCP ports that somebody may reach from outside of the group.
    pub open: Vec<(u16, u16)>,
}

impl SiteGroup {
    /// Whether anybody may reach this TCP port.
    pub fn admits(&self, port: u16) -> bool {
        self.open.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }
}

/// A read that was tried.
#[derive(Clone, Debug)]
pub struct SiteRead {
    /// The action of IAM that it takes, such as `ecs:ListServices`.
    pub action: String,
    /// What it was tried on: the name of a cluster, a table or a repository; `*`: on nothing in particular.
    pub on: String,
    /// What came of it. Something that was not found was looked for, so that is no error here.
    pub outcome: Result<()>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_region_and_account() {
        let cluster = |arn: &str| SiteCluster { arn: arn.into(), status: "ACTIVE".into(), capacities: Vec::new() };
        let known = cluster("arn:aws-cn:ecs:cn-north-1:123456789012:cluster/previews");
        assert_eq!(known.region_and_account(), Some(("cn-north-1", "123456789012")));
        for odd in ["", "previews", "arn:aws:ecs", "arn:aws:ecs:us-west-2", "arn:aws:ecs:::cluster/previews"] {
            assert_eq!(cluster(odd).region_and_account(), None, "{odd}");
        }
    }

    #[test]
    fn a_port_is_open_where_a_range_holds_it() {
        let group = SiteGroup { id: "sg-1".into(), vpc: "vpc-1".into(), open: vec![(80, 80), (8000, 9000)] };
        assert!([80, 8000, 8080, 9000].into_iter().all(|port| group.admits(port)));
        assert!([79, 81, 7999, 9001].into_iter().all(|port| !group.admits(port)));
    }
}
