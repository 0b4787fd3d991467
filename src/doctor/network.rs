//! Subnets and security groups: there, of one network, open to the world where they have to be.

use std::collections::BTreeSet;

use bivouac_ports::{Error, Result, Site, SiteGroup, SiteSubnet};

use super::report::{Area, Check};
use super::words::{self, Refusal, listed};
use super::{PATIENCE, within};
use crate::config::Config;

const NETWORK: Area = Area("network");

/// Subnets and groups are asked for at once, routes after them.
pub(super) async fn network(config: &Config, site: &dyn Site) -> Vec<Check> {
    let aws = &config.aws;
    let (subnets, groups) = tokio::join!(
        within(PATIENCE, "EC2 DescribeSubnets", site.subnets(&aws.subnets)),
        within(PATIENCE, "EC2 DescribeSecurityGroups", site.security_groups(&aws.security_groups)),
    );
    let mut checks = vec![self::subnets(config, &subnets), self::groups(config, &groups)];
    let (Ok(subnets), Ok(groups)) = (&subnets, &groups) else {
        let why = "subnets or security groups could not be read";
        checks.extend(["one network", "public subnets", "ports"].map(|check| NETWORK.skipped(check, why)));
        return checks;
    };
    checks.push(one_network(subnets, groups));
    let public = within(PATIENCE, "EC2 DescribeRouteTables", site.public_subnets(subnets)).await;
    checks.push(routes(subnets, &public));
    checks.extend(ports(config, groups));
    checks
}

/// A call that only this command makes: without the permission nothing is broken, and nothing can be told.
fn untold(check: &str, error: &Error) -> Check {
    match words::refusal(error) {
        Some(Refusal::Permission(action)) => {
            let mend = format!("{}; only `bivouac doctor` needs it", words::allow(&action));
            NETWORK.warning(check, error.to_string(), mend)
        }
        _ => NETWORK.problem(check, error.to_string(), words::mend(error)),
    }
}

fn missing<'a>(wanted: &'a [String], there: &BTreeSet<&str>) -> Vec<&'a str> {
    wanted.iter().map(String::as_str).filter(|id| !there.contains(id)).collect()
}

fn subnets(config: &Config, answer: &Result<Vec<SiteSubnet>>) -> Check {
    let subnets = match answer {
        Ok(subnets) => subnets,
        Err(error) => return untold("subnets", error),
    };
    let missing = missing(&config.aws.subnets, &subnets.iter().map(|subnet| subnet.id.as_str()).collect());
    if !missing.is_empty() {
        let message = format!("there is no {} in this account and region", listed(&missing));
        return NETWORK.problem("subnets", message, "name subnets in `aws.subnets` that are there");
    }
    // Where one does not tell, nothing is said of the sum.
    let free: Option<u32> = subnets.iter().map(|subnet| subnet.free_addresses).sum();
    let wanted = u32::try_from(config.guardrails.caps.max_environments).unwrap_or(u32::MAX);
    let there = listed(&config.aws.subnets);
    match free {
        Some(free) if free < wanted => {
            let message = format!("{there} have {free} free addresses, and `max_environments` allows {wanted}");
            NETWORK.warning("subnets", message, "name larger subnets in `aws.subnets`, or more of them")
        }
        Some(free) => NETWORK.ok("subnets", format!("{there}: {free} free addresses")),
        None => NETWORK.ok("subnets", there),
    }
}

fn groups(config: &Config, answer: &Result<Vec<SiteGroup>>) -> Check {
    let groups = match answer {
        Ok(groups) => groups,
        Err(error) => return untold("security groups", error),
    };
    let missing = missing(&config.aws.security_groups, &groups.iter().map(|group| group.id.as_str()).collect());
    if missing.is_empty() {
        return NETWORK.ok("security groups", listed(&config.aws.security_groups));
    }
    let message = format!("there is no {} in this account and region", listed(&missing));
    NETWORK.problem("security groups", message, "name security groups in `aws.security_groups` that are there")
}

/// ECS refuses a service over two networks, and a group of another network than the subnet's.
fn one_network(subnets: &[SiteSubnet], groups: &[SiteGroup]) -> Check {
    let of_subnets = subnets.iter().map(|subnet| (subnet.id.as_str(), subnet.vpc.as_str()));
    let all: Vec<(&str, &str)> =
        of_subnets.chain(groups.iter().map(|group| (group.id.as_str(), group.vpc.as_str()))).collect();
    let networks: BTreeSet<&str> = all.iter().map(|(_, vpc)| *vpc).collect();
    let networks: Vec<&str> = networks.into_iter().collect();
    match networks.as_slice() {
        [] => NETWORK.skipped("one network", "neither a subnet nor a security group is there"),
        [one] => NETWORK.ok("one network", format!("all are in {one}")),
        _ => {
            let places: Vec<String> = all.iter().map(|(id, vpc)| format!("{id} is in {vpc}")).collect();
            let mend = "name subnets and security groups of one VPC in `aws.subnets` and `aws.security_groups`";
            NETWORK.problem("one network", listed(&places), mend)
        }
    }
}

fn routes(subnets: &[SiteSubnet], answer: &Result<BTreeSet<String>>) -> Check {
    let public = match answer {
        Ok(public) => public,
        Err(error) => return untold("public subnets", error),
    };
    let ids: Vec<&str> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    let private: Vec<&str> = ids.iter().copied().filter(|id| !public.contains(*id)).collect();
    if ids.is_empty() {
        NETWORK.skipped("public subnets", "no subnet is there")
    } else if private.is_empty() {
        NETWORK.ok("public subnets", format!("an internet gateway leads to {}", listed(&ids)))
    } else {
        let message =
            format!("no route of {} leads to an internet gateway, so nobody reaches a task", listed(&private));
        NETWORK.problem(
            "public subnets",
            message,
            "name public subnets, or add the route 0.0.0.0/0 to an internet gateway",
        )
    }
}

/// Whether the world may come in where the applications listen.
fn ports(config: &Config, groups: &[SiteGroup]) -> Vec<Check> {
    let ports: BTreeSet<u16> = config.projects.iter().map(|project| project.port).collect();
    let told = ports.into_iter().map(|port| {
        let check = format!("port {port}");
        let admitting: Vec<&str> =
            groups.iter().filter(|group| group.admits(port)).map(|group| group.id.as_str()).collect();
        if groups.is_empty() {
            NETWORK.skipped(check, "no security group is there")
        } else if admitting.is_empty() {
            let ids: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
            let message = format!("{} lets no address in on TCP port {port}", listed(&ids));
            let mend = format!("add an inbound rule for TCP port {port} to one of `aws.security_groups`");
            NETWORK.problem(check, message, mend)
        } else {
            NETWORK.ok(check, format!("{} lets people in", listed(&admitting)))
        }
    });
    told.collect()
}
