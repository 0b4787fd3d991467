//! The promises of the cluster, the registry, the quotas and the site on moto, which knows nothing of our embedded cloud.

#[path = "contract/mod.rs"]
mod contract;
#[path = "support/emulators.rs"]
mod emulators;

use std::sync::Arc;

use bivouac_ports::Site as _;
use contract::differences::Emulator;
use contract::place::{Place, between};

/// moto, with the subnet and the security group that it gives every account.
async fn moto() -> Place {
    let nowhere = String::new();
    let recording = emulators::judged_moto();
    let url = recording.url().to_owned();
    let mut place = Place {
        emulator: Emulator::Moto,
        url,
        subnet: nowhere.clone(),
        security_group: nowhere,
        recording: Some(Arc::new(recording)),
    };
    let subnets = place.ec2(&[("Action", "DescribeSubnets")]).await;
    place.subnet = between(&subnets, "subnetId").expect("a default subnet");
    let groups = place.ec2(&[("Action", "DescribeSecurityGroups")]).await;
    place.security_group = between(&groups, "groupId").expect("a default group");
    place.hold_tasks().await;
    place
}

macro_rules! on_moto {
    ($door:ident: $($promise:ident),+ $(,)?) => {
        mod $door {
            $(#[tokio::test]
            async fn $promise() {
                crate::contract::$door::$promise(&crate::moto().await).await;
            })+
        }
    };
}

crate::cluster_promises!(on_moto);
crate::registry_promises!(on_moto);
crate::quotas_promises!(on_moto);
crate::site_promises!(on_moto);
crate::logs_promises!(on_moto);

/// Only moto lets a network be made over the wire, step by step.
#[tokio::test]
async fn a_route_to_an_internet_gateway_makes_a_subnet_public() {
    let place = moto().await;
    let site = place.site("previews").await;
    let made = |xml: String, name: &str| between(&xml, name).unwrap_or_else(|| panic!("no {name}: {xml}"));
    let vpc = place.ec2(&[("Action", "CreateVpc"), ("CidrBlock", "10.7.0.0/16")]).await;
    let vpc = made(vpc, "vpcId");
    let subnet = place.ec2(&[("Action", "CreateSubnet"), ("VpcId", &vpc), ("CidrBlock", "10.7.0.0/24")]).await;
    let subnet = made(subnet, "subnetId");
    let subnets = site.subnets(std::slice::from_ref(&subnet)).await.expect("an answer");
    assert_eq!(subnets.first().map(|subnet| subnet.vpc.as_str()), Some(vpc.as_str()));
    assert!(site.public_subnets(&subnets).await.expect("an answer").is_empty());

    let gateway = made(place.ec2(&[("Action", "CreateInternetGateway")]).await, "internetGatewayId");
    place.ec2(&[("Action", "AttachInternetGateway"), ("InternetGatewayId", &gateway), ("VpcId", &vpc)]).await;
    let tables = [("Action", "DescribeRouteTables"), ("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", &vpc)];
    let table = made(place.ec2(&tables).await, "routeTableId");
    let route = [("Action", "CreateRoute"), ("RouteTableId", table.as_str()), ("GatewayId", &gateway)];
    place.ec2(&[&route[..], &[("DestinationCidrBlock", "0.0.0.0/0")]].concat()).await;
    assert_eq!(site.public_subnets(&subnets).await.expect("an answer").into_iter().collect::<Vec<_>>(), [subnet]);
}
