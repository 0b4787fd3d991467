//! From network interfaces to public addresses.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use aws_sdk_ec2::types::{Filter, NetworkInterface};
use bivouac_ports::Result;
use futures::{StreamExt, TryStreamExt, stream};

use crate::caller::{CONCURRENCY, Caller};
use crate::calls::DESCRIBE_NETWORK_INTERFACES;

/// The most values that all filters of one call may hold ("Filtering Amazon EC2 resources").
const FILTER_VALUES: usize = 200;

/// The largest page of DescribeNetworkInterfaces.
const A_PAGE: i32 = 1000;

/// The interfaces of the previews.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    client: aws_sdk_ec2::Client,
    caller: Caller,
    security_groups: Vec<String>,
}

impl Addresses {
    pub(crate) fn new(client: aws_sdk_ec2::Client, caller: Caller, security_groups: Vec<String>) -> Self {
        Self { client, caller, security_groups }
    }

    /// The public addresses behind `interfaces`. Asked by filter and never by id: a filter leaves out what is gone, an
    /// id that is gone fails the whole call.
    pub(crate) async fn of(&self, interfaces: &[String]) -> Result<HashMap<String, IpAddr>> {
        let wanted: BTreeSet<&str> = interfaces.iter().map(String::as_str).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted: Vec<&str> = wanted.into_iter().collect();
        if wanted.len() > FILTER_VALUES && (1..=FILTER_VALUES).contains(&self.security_groups.len()) {
            let mut found = self.matching(filter("group-id", &self.security_groups)).await?;
            let wanted: HashSet<&str> = wanted.into_iter().collect();
            found.retain(|id, _| wanted.contains(id.as_str()));
            return Ok(found);
        }
        let filters: Vec<Filter> =
            wanted.chunks(FILTER_VALUES).map(|ids| filter("network-interface-id", ids)).collect();
        stream::iter(filters.into_iter().map(|filter| self.matching(filter)))
            .buffer_unordered(CONCURRENCY)
            .try_concat()
            .await
    }

    async fn matching(&self, filter: Filter) -> Result<HashMap<String, IpAddr>> {
        let (mut found, mut token) = (HashMap::new(), None);
        loop {
            let request = self.client.describe_network_interfaces().filters(filter.clone()).max_results(A_PAGE);
            // The interfaces of Fargate tasks are made by ECS, and an account may hide what a service manages.
            let request = request.include_managed_resources(true).set_next_token(token);
            let page = self.caller.call(&DESCRIBE_NETWORK_INTERFACES, request.send()).await?;
            found.extend(page.network_interfaces().iter().filter_map(public_address));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

fn filter<T: AsRef<str>>(name: &str, values: &[T]) -> Filter {
    let values = values.iter().map(|value| value.as_ref().to_owned()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// `None` when it has no public address or one that is none.
fn public_address(interface: &NetworkInterface) -> Option<(String, IpAddr)> {
    let id = interface.network_interface_id()?.to_owned();
    let address = interface.association()?.public_ip()?.parse().ok()?;
    Some((id, address))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::NetworkInterfaceAssociation;
    use proptest::prelude::*;

    use super::*;

    fn interface(id: Option<String>, ip: Option<String>) -> NetworkInterface {
        let association = ip.map(|ip| NetworkInterfaceAssociation::builder().public_ip(ip).build());
        NetworkInterface::builder().set_network_interface_id(id).set_association(association).build()
    }

    #[test]
    fn an_address_is_read() {
        let read = public_address(&interface(Some("eni-1".into()), Some("203.0.113.7".into())));
        assert_eq!(read, Some(("eni-1".into(), "203.0.113.7".parse().expect("an address"))));
        assert_eq!(public_address(&interface(Some("eni-1".into()), None)), None);
        assert_eq!(public_address(&interface(None, Some("203.0.113.7".into()))), None);
    }

    proptest! {
        #[test]
        fn what_is_no_address_is_left_out(id in any::<Option<String>>(), ip in any::<Option<String>>()) {
            let read = public_address(&interface(id.clone(), ip.clone()));
            prop_assert_eq!(read.is_some(), id.is_some() && ip.is_some_and(|ip| ip.parse::<IpAddr>().is_ok()));
        }
    }
}
