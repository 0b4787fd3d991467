//! How interfaces, subnets and groups are shown, and by what they can be filtered.

use super::{Xml, owner};
use crate::model::ec2::{Interface, RouteTable, SecurityGroup, Subnet};
use crate::model::{Scope, World};

/// The filters of DescribeNetworkInterfaces that have a meaning here.
pub(super) const INTERFACE_FILTERS: [&str; 20] = [
    "addresses.association.public-ip",
    "addresses.private-ip-address",
    "association.ip-owner-id",
    "association.public-ip",
    "attachment.attachment-id",
    "attachment.status",
    "availability-zone",
    "description",
    "group-id",
    "group-name",
    "interface-type",
    "mac-address",
    "network-interface-id",
    "owner-id",
    "private-ip-address",
    "requester-managed",
    "status",
    "subnet-id",
    "tag-key",
    "vpc-id",
];

pub(super) const SUBNET_FILTERS: [&str; 7] =
    ["availability-zone", "cidr-block", "default-for-az", "state", "subnet-id", "tag-key", "vpc-id"];

pub(super) const GROUP_FILTERS: [&str; 5] = ["description", "group-id", "group-name", "tag-key", "vpc-id"];

pub(super) const ROUTE_TABLE_FILTERS: [&str; 8] = [
    "association.main",
    "association.route-table-id",
    "association.subnet-id",
    "owner-id",
    "route-table-id",
    "route.gateway-id",
    "tag-key",
    "vpc-id",
];

pub(super) fn interface_attribute(scope: &Scope, interface: &Interface, name: &str) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    let public = || interface.public_address.map(|address| address.to_string());
    match name {
        "network-interface-id" => one(&interface.id),
        "group-id" => interface.groups.clone(),
        "subnet-id" => one(&interface.subnet),
        "vpc-id" => one(&interface.vpc),
        "availability-zone" => one(&interface.zone),
        "description" => one(&interface.description),
        "mac-address" => one(&interface.mac),
        "status" => one("in-use"),
        "interface-type" => one("interface"),
        "requester-managed" => one("true"),
        "attachment.status" => one("attached"),
        "attachment.attachment-id" => one(&interface.attachment),
        "owner-id" => one(&scope.account),
        "private-ip-address" | "addresses.private-ip-address" => one(&interface.private_address.to_string()),
        "association.public-ip" | "addresses.association.public-ip" => public().into_iter().collect(),
        "association.ip-owner-id" => public().map(|_| "amazon".to_owned()).into_iter().collect(),
        _ => Vec::new(),
    }
}

pub(super) fn subnet_attribute(subnet: &Subnet, name: &str) -> Vec<String> {
    match name {
        "subnet-id" => vec![subnet.id.clone()],
        "vpc-id" => vec![subnet.vpc.clone()],
        "availability-zone" => vec![subnet.zone.clone()],
        "cidr-block" => vec![subnet.cidr.clone()],
        "state" => vec!["available".to_owned()],
        "default-for-az" => vec!["false".to_owned()],
        _ => Vec::new(),
    }
}

pub(super) fn group_attribute(group: &SecurityGroup, name: &str) -> Vec<String> {
    match name {
        "group-id" => vec![group.id.clone()],
        "group-name" | "description" => vec![group.name.clone()],
        "vpc-id" => vec![group.vpc.clone()],
        _ => Vec::new(),
    }
}

pub(super) fn route_table_attribute(scope: &Scope, table: &RouteTable, name: &str) -> Vec<String> {
    match name {
        "route-table-id" | "association.route-table-id" => vec![table.id.clone()],
        "association.subnet-id" => table.subnets.iter().cloned().collect(),
        "association.main" => vec![table.main.to_string()],
        "route.gateway-id" => std::iter::once("local".to_owned()).chain(table.gateway.clone()).collect(),
        "owner-id" => vec![owner(scope).to_owned()],
        "vpc-id" => vec![table.vpc.clone()],
        _ => Vec::new(),
    }
}

pub(super) fn interface(world: &World, interface: &Interface, out: &mut Xml) {
    let scope = &world.scope;
    let private = interface.private_address.to_string();
    let [a, b, c, d] = interface.private_address.octets();
    let private_name = format!("ip-{a}-{b}-{c}-{d}.{}.compute.internal", scope.region);
    out.text("networkInterfaceId", &interface.id);
    out.text("subnetId", &interface.subnet);
    out.text("vpcId", &interface.vpc);
    out.text("availabilityZone", &interface.zone);
    out.text("description", &interface.description);
    out.text("ownerId", owner(scope));
    out.text("requesterId", "578734482556");
    out.text("requesterManaged", "true");
    out.text("status", "in-use");
    out.text("macAddress", &interface.mac);
    out.text("privateIpAddress", &private);
    out.text("privateDnsName", &private_name);
    out.text("sourceDestCheck", "true");
    out.text("interfaceType", "interface");
    out.within("groupSet", |out| {
        for id in &interface.groups {
            let name = world.ec2.groups.get(id).map_or("", |group| group.name.as_str());
            out.within("item", |out| {
                out.text("groupId", id);
                out.text("groupName", name);
            });
        }
    });
    out.within("attachment", |out| {
        out.text("attachmentId", &interface.attachment);
        out.text("instanceOwnerId", owner(scope));
        out.text("deviceIndex", "1");
        out.text("networkCardIndex", "0");
        out.text("status", "attached");
        out.text("attachTime", &interface.attached_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
        out.text("deleteOnTermination", "false");
    });
    association(scope, interface, out);
    out.within("tagSet", |_| {});
    out.within("privateIpAddressesSet", |out| {
        out.within("item", |out| {
            out.text("privateIpAddress", &private);
            out.text("privateDnsName", &private_name);
            out.text("primary", "true");
            association(scope, interface, out);
        });
    });
}

fn association(scope: &Scope, interface: &Interface, out: &mut Xml) {
    let Some(address) = interface.public_address else {
        return;
    };
    let [a, b, c, d] = address.octets();
    let name = format!("ec2-{a}-{b}-{c}-{d}.{}.compute.amazonaws.com", scope.region);
    out.within("association", |out| {
        out.text("publicIp", &address.to_string());
        out.text("publicDnsName", &name);
        out.text("ipOwnerId", "amazon");
    });
}

pub(super) fn subnet(world: &World, subnet: &Subnet, out: &mut Xml) {
    let scope = &world.scope;
    out.text("subnetId", &subnet.id);
    out.text("subnetArn", &scope.arn("ec2", &format!("subnet/{}", subnet.id)));
    out.text("state", "available");
    out.text("vpcId", &subnet.vpc);
    out.text("cidrBlock", &subnet.cidr);
    out.text("availabilityZone", &subnet.zone);
    // What a /20 holds without the five addresses that AWS reserves.
    out.text("availableIpAddressCount", "4091");
    out.text("defaultForAz", "false");
    out.text("mapPublicIpOnLaunch", "false");
    out.text("ownerId", owner(scope));
    out.within("tagSet", |_| {});
}

pub(super) fn group(scope: &Scope, group: &SecurityGroup, out: &mut Xml) {
    out.text("ownerId", owner(scope));
    out.text("groupId", &group.id);
    out.text("groupName", &group.name);
    out.text("groupDescription", &group.name);
    out.text("vpcId", &group.vpc);
    out.text("securityGroupArn", &scope.arn("ec2", &format!("security-group/{}", group.id)));
    out.within("ipPermissions", |out| {
        if let Some((first, last)) = group.ports {
            out.within("item", |out| {
                out.text("ipProtocol", "tcp");
                out.text("fromPort", &first.to_string());
                out.text("toPort", &last.to_string());
                out.within("groups", |_| {});
                out.within("ipRanges", |out| {
                    out.within("item", |out| out.text("cidrIp", "0.0.0.0/0"));
                });
                out.within("ipv6Ranges", |_| {});
                out.within("prefixListIds", |_| {});
            });
        }
    });
    out.within("ipPermissionsEgress", |_| {});
    out.within("tagSet", |_| {});
}

pub(super) fn route_table(scope: &Scope, table: &RouteTable, out: &mut Xml) {
    let route = |out: &mut Xml, destination: &str, gateway: &str, origin: &str| {
        out.within("item", |out| {
            out.text("destinationCidrBlock", destination);
            out.text("gatewayId", gateway);
            out.text("state", "active");
            out.text("origin", origin);
        });
    };
    let association = |out: &mut Xml, subnet: Option<&str>| {
        out.within("item", |out| {
            let of = subnet.map_or("main", |subnet| subnet.trim_start_matches("subnet-"));
            out.text("routeTableAssociationId", &format!("rtbassoc-{of}"));
            out.text("routeTableId", &table.id);
            if let Some(subnet) = subnet {
                out.text("subnetId", subnet);
            }
            out.text("main", if subnet.is_none() { "true" } else { "false" });
            out.within("associationState", |out| out.text("state", "associated"));
        });
    };
    out.text("routeTableId", &table.id);
    out.text("vpcId", &table.vpc);
    out.text("ownerId", owner(scope));
    out.within("routeSet", |out| {
        route(out, "10.0.0.0/16", "local", "CreateRouteTable");
        if let Some(gateway) = &table.gateway {
            route(out, "0.0.0.0/0", gateway, "CreateRoute");
        }
    });
    out.within("associationSet", |out| {
        if table.main {
            association(out, None);
        }
        for subnet in &table.subnets {
            association(out, Some(subnet));
        }
    });
    out.within("propagatingVgwSet", |_| {});
    out.within("tagSet", |_| {});
}
