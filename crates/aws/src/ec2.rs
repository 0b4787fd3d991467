//! Public addresses on EC2: from a task's network interface to where it answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use aws_sdk_ec2::types::{Filter, NetworkInterface};
use bivouac_ports::Result;

use crate::calls::DESCRIBE_NETWORK_INTERFACES;
use crate::error::from_sdk;
use crate::quota::Quotas;
use crate::sdk::Sdk;

/// "You can specify up to 200 filter values in a single call" (EC2 developer guide, "List and filter using the CLI and
/// API").
const MOST_FILTER_VALUES: usize = 200;
/// The largest page (EC2 API reference, DescribeNetworkInterfaces, `MaxResults`: 5 to 1000).
const PAGE: i32 = 1000;

/// The public addresses of network interfaces.
pub(crate) struct Interfaces {
    client: aws_sdk_ec2::Client,
    quotas: Arc<Quotas>,
    security_groups: Vec<String>,
}

impl Interfaces {
    pub fn new(sdk: &Sdk, quotas: Arc<Quotas>, security_groups: Vec<String>) -> Self {
        Self { client: sdk.ec2(), quotas, security_groups }
    }

    /// The addresses of those of `wanted` that are there and have one.
    ///
    /// Few are asked for by name, in a filter, which leaves out what is gone, where a list of ids would fail as a whole with
    /// `InvalidNetworkInterfaceID.NotFound`. Many are found by the security groups of the previews.
    pub async fn public_addresses(&self, wanted: &[String]) -> Result<HashMap<String, IpAddr>> {
        match wanted.len() {
            0 => Ok(HashMap::new()),
            1..=MOST_FILTER_VALUES => self.find("network-interface-id", wanted).await,
            _ if self.security_groups.is_empty() => {
                let calls = wanted.chunks(MOST_FILTER_VALUES).map(|ids| self.find("network-interface-id", ids));
                Ok(futures::future::try_join_all(calls).await?.into_iter().flatten().collect())
            }
            _ => {
                let mut found = self.find("group-id", &self.security_groups).await?;
                let wanted: std::collections::HashSet<&String> = wanted.iter().collect();
                found.retain(|id, _| wanted.contains(id));
                Ok(found)
            }
        }
    }

    /// All pages, or an error.
    async fn find(&self, filter: &str, values: &[String]) -> Result<HashMap<String, IpAddr>> {
        let filter = Filter::builder().name(filter).set_values(Some(values.to_vec())).build();
        let mut found = HashMap::new();
        let mut next = None;
        loop {
            self.quotas.admit(&DESCRIBE_NETWORK_INTERFACES).await;
            let page = self
                .client
                .describe_network_interfaces()
                .filters(filter.clone())
                .max_results(PAGE)
                // An interface that ECS manages may be hidden from plain listings ("managed resource visibility").
                .include_managed_resources(true)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| from_sdk(&DESCRIBE_NETWORK_INTERFACES, error))?;
            found.extend(page.network_interfaces().iter().filter_map(address));
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}

/// The public address that is associated with an interface.
fn address(interface: &NetworkInterface) -> Option<(String, IpAddr)> {
    let ip = interface.association()?.public_ip()?.parse().ok()?;
    Some((interface.network_interface_id()?.to_owned(), ip))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::NetworkInterfaceAssociation;

    use super::*;

    fn interface(ip: Option<&str>) -> NetworkInterface {
        let association = ip.map(|ip| NetworkInterfaceAssociation::builder().public_ip(ip).build());
        NetworkInterface::builder().network_interface_id("eni-1").set_association(association).build()
    }

    #[test]
    fn only_an_associated_address_counts() {
        assert_eq!(address(&interface(Some("203.0.113.7"))), Some(("eni-1".into(), "203.0.113.7".parse().unwrap())));
        assert_eq!(address(&interface(None)), None);
        assert_eq!(address(&interface(Some("soon"))), None);
        assert_eq!(address(&NetworkInterface::builder().build()), None);
    }
}
