//! Subnets, security groups and routes: asked by filter and never by id, since a filter leaves out what is gone and an id
//! that is gone fails the whole call.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, IpPermission, RouteState, RouteTable};
use aws_sdk_ec2::{Client, types as sdk};
use bivouac_ports::{Result, SiteGroup, SiteSubnet};

use crate::caller::Caller;
use crate::calls::{DESCRIBE_ROUTE_TABLES, DESCRIBE_SECURITY_GROUPS, DESCRIBE_SUBNETS};

/// The largest page of DescribeRouteTables (`DescribeRouteTablesMaxResults` of EC2's model).
const A_PAGE: i32 = 100;
/// Where all packets go that no other route takes.
const EVERYWHERE: &str = "0.0.0.0/0";

/// A configuration names 16 subnets at most, which are one page.
pub(super) async fn subnets(client: &Client, caller: &Caller, ids: &[String]) -> Result<Vec<SiteSubnet>> {
    let request = client.describe_subnets().filters(filter("subnet-id", ids));
    let answer = caller.call(&DESCRIBE_SUBNETS, request.send()).await?;
    Ok(answer.subnets().iter().filter_map(subnet).collect())
}

/// A configuration names 5 security groups at most, which are one page.
pub(super) async fn security_groups(client: &Client, caller: &Caller, ids: &[String]) -> Result<Vec<SiteGroup>> {
    let request = client.describe_security_groups().filters(filter("group-id", ids));
    let answer = caller.call(&DESCRIBE_SECURITY_GROUPS, request.send()).await?;
    Ok(answer.security_groups().iter().filter_map(group).collect())
}

pub(super) async fn public_subnets(
    client: &Client,
    caller: &Caller,
    subnets: &[SiteSubnet],
) -> Result<BTreeSet<String>> {
    let networks: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.vpc.as_str()).collect();
    if networks.is_empty() {
        return Ok(BTreeSet::new());
    }
    let networks: Vec<&str> = networks.into_iter().collect();
    let (mut tables, mut token) = (Vec::new(), None);
    loop {
        let request = client.describe_route_tables().filters(filter("vpc-id", &networks)).max_results(A_PAGE);
        let page = caller.call(&DESCRIBE_ROUTE_TABLES, request.set_next_token(token).send()).await?;
        tables.extend(page.route_tables.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    Ok(led_to_the_internet(&tables, subnets))
}

/// A subnet goes by the table it was given, else by the main one of its network ("Subnet route tables" in the VPC guide).
fn led_to_the_internet(tables: &[RouteTable], subnets: &[SiteSubnet]) -> BTreeSet<String> {
    let (mut own, mut main) = (BTreeMap::new(), BTreeMap::new());
    for table in tables {
        let leads = leads_to_the_internet(table);
        for association in table.associations() {
            if let Some(subnet) = association.subnet_id() {
                own.insert(subnet, leads);
            } else if association.main() == Some(true)
                && let Some(vpc) = table.vpc_id()
            {
                main.insert(vpc, leads);
            }
        }
    }
    let leads = |subnet: &&SiteSubnet| {
        own.get(subnet.id.as_str()).or_else(|| main.get(subnet.vpc.as_str())).copied().unwrap_or(false)
    };
    subnets.iter().filter(leads).map(|subnet| subnet.id.clone()).collect()
}

/// Over an internet gateway: what lies behind a NAT gateway can call out, but nobody can call in. A route whose target is
/// gone is a `blackhole`.
fn leads_to_the_internet(table: &RouteTable) -> bool {
    table.routes().iter().any(|route| {
        route.destination_cidr_block() == Some(EVERYWHERE)
            && route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"))
            && route.state() != Some(&RouteState::Blackhole)
    })
}

fn filter<T: AsRef<str>>(name: &str, values: &[T]) -> Filter {
    let values = values.iter().map(|value| value.as_ref().to_owned()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn subnet(subnet: &sdk::Subnet) -> Option<SiteSubnet> {
    Some(SiteSubnet {
        id: subnet.subnet_id()?.to_owned(),
        vpc: subnet.vpc_id()?.to_owned(),
        free_addresses: subnet.available_ip_address_count().and_then(|count| u32::try_from(count).ok()),
    })
}

fn group(group: &sdk::SecurityGroup) -> Option<SiteGroup> {
    Some(SiteGroup {
        id: group.group_id()?.to_owned(),
        vpc: group.vpc_id()?.to_owned(),
        open: group.ip_permissions().iter().filter_map(open_to_outsiders).collect(),
    })
}

/// The TCP ports of a rule, if its sources are addresses: another security group lets in no browser.
fn open_to_outsiders(rule: &IpPermission) -> Option<(u16, u16)> {
    if rule.ip_ranges().is_empty() && rule.ipv6_ranges().is_empty() && rule.prefix_list_ids().is_empty() {
        return None;
    }
    match rule.ip_protocol()? {
        // "-1" stands for all protocols, which have no range of ports; 6 is TCP's number.
        "-1" => Some((0, u16::MAX)),
        "tcp" | "6" => {
            let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
            Some((port(rule.from_port())?, port(rule.to_port())?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{IpRange, Route, RouteTableAssociation, UserIdGroupPair};

    use super::*;

    fn table(vpc: &str, subnet: Option<&str>, routes: &[(&str, &str, RouteState)]) -> RouteTable {
        let association = RouteTableAssociation::builder().main(subnet.is_none());
        let association = association.set_subnet_id(subnet.map(str::to_owned)).build();
        let route = |(to, gateway, state): &(&str, &str, RouteState)| {
            Route::builder().destination_cidr_block(*to).gateway_id(*gateway).state(state.clone()).build()
        };
        let routes = routes.iter().map(route).collect();
        RouteTable::builder().vpc_id(vpc).associations(association).set_routes(Some(routes)).build()
    }

    #[test]
    fn a_subnet_goes_by_its_own_table_else_by_the_main_one() {
        let open = |state| [("10.0.0.0/16", "local", RouteState::Active), (EVERYWHERE, "igw-1", state)];
        let closed = [("10.0.0.0/16", "local", RouteState::Active)];
        let elsewhere = [("203.0.113.0/24", "igw-1", RouteState::Active), (EVERYWHERE, "vgw-1", RouteState::Active)];
        let tables = [
            table("vpc-1", None, &open(RouteState::Active)),
            table("vpc-1", Some("subnet-private"), &closed),
            table("vpc-1", Some("subnet-gone"), &open(RouteState::Blackhole)),
            table("vpc-1", Some("subnet-partly"), &elsewhere),
            table("vpc-2", None, &closed),
            table("vpc-2", Some("subnet-public"), &open(RouteState::Active)),
        ];
        let subnet = |id: &str, vpc: &str| SiteSubnet { id: id.into(), vpc: vpc.into(), free_addresses: None };
        let subnets = [
            subnet("subnet-main", "vpc-1"),
            subnet("subnet-private", "vpc-1"),
            subnet("subnet-gone", "vpc-1"),
            subnet("subnet-partly", "vpc-1"),
            subnet("subnet-public", "vpc-2"),
            subnet("subnet-other", "vpc-2"),
            subnet("subnet-lost", "vpc-3"),
        ];
        let led = led_to_the_internet(&tables, &subnets);
        assert_eq!(led, BTreeSet::from(["subnet-main".into(), "subnet-public".into()]));
    }

    #[test]
    fn a_rule_opens_ports_to_addresses_only() {
        let rule = |protocol: &str, ports: Option<(i32, i32)>| {
            let rule = IpPermission::builder().ip_protocol(protocol);
            let (from, to) = ports.unzip();
            rule.set_from_port(from).set_to_port(to)
        };
        let anybody = IpRange::builder().cidr_ip(EVERYWHERE).build();
        let opened = |protocol, ports| open_to_outsiders(&rule(protocol, ports).ip_ranges(anybody.clone()).build());
        assert_eq!(opened("tcp", Some((80, 8080))), Some((80, 8080)));
        assert_eq!(opened("-1", None), Some((0, u16::MAX)));
        assert_eq!(opened("udp", Some((53, 53))), None);
        assert_eq!(opened("icmp", Some((-1, -1))), None);
        assert_eq!(opened("tcp", Some((-1, 99_999))), None);
        let friends = rule("tcp", Some((80, 80))).user_id_group_pairs(UserIdGroupPair::builder().build()).build();
        assert_eq!(open_to_outsiders(&friends), None);
    }
}
