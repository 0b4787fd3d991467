//! Networks: subnets, security groups and the interfaces of tasks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::scope::{Scope, hex};

/// A subnet, seeded by a test.
#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) cidr: String,
}

/// A security group, seeded by a test.
#[derive(Clone, Debug)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vpc: String,
    /// The first and the last TCP port that anybody may reach; `None`: nobody reaches any.
    pub(crate) ports: Option<(u16, u16)>,
}

/// Where packets out of subnets go.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable {
    pub(crate) id: String,
    pub(crate) vpc: String,
    /// Counts for every subnet of the network that has none of its own.
    pub(crate) main: bool,
    /// The subnets that it was given to.
    pub(crate) subnets: BTreeSet<String>,
    /// The internet gateway of its default route.
    pub(crate) gateway: Option<String>,
}

/// The elastic network interface of a task.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) groups: Vec<String>,
    pub(crate) private_address: Ipv4Addr,
    pub(crate) public_address: Option<Ipv4Addr>,
    pub(crate) mac: String,
    pub(crate) attachment: String,
    pub(crate) description: String,
    pub(crate) attached_at: DateTime<Utc>,
}

/// All networks of the account.
#[derive(Debug)]
pub(crate) struct Ec2 {
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) groups: BTreeMap<String, SecurityGroup>,
    pub(crate) route_tables: BTreeMap<String, RouteTable>,
    pub(crate) interfaces: BTreeMap<String, Arc<Interface>>,
    by_group: HashMap<String, BTreeSet<String>>,
    block: u8,
    public_used: BTreeSet<u16>,
    public_last: u16,
    private_last: u32,
}

impl Ec2 {
    pub(crate) fn new(block: u8) -> Self {
        Self {
            subnets: BTreeMap::new(),
            groups: BTreeMap::new(),
            route_tables: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            by_group: HashMap::new(),
            block,
            public_used: BTreeSet::new(),
            public_last: 0,
            private_last: 0,
        }
    }

    /// Makes a subnet, in a zone of its own where there are enough. One that is there stays as it is.
    ///
    /// Its network is made with it, as a default VPC is: the main route table leads to an internet gateway.
    pub(crate) fn add_subnet(&mut self, scope: &Scope, id: &str, vpc: &str) {
        let index = self.subnets.len();
        self.subnets.entry(id.to_owned()).or_insert_with(|| Subnet {
            id: id.to_owned(),
            vpc: vpc.to_owned(),
            zone: scope.zone(index),
            cidr: format!("10.0.{}.0/20", index * 16 % 256),
        });
        let number = vpc.trim_start_matches("vpc-");
        self.route_tables.entry(format!("rtb-main-{number}")).or_insert_with_key(|id| RouteTable {
            id: id.clone(),
            vpc: vpc.to_owned(),
            main: true,
            subnets: BTreeSet::new(),
            gateway: Some(format!("igw-{number}")),
        });
    }

    /// Gives a subnet a route table that leads nowhere but to its own network.
    pub(crate) fn isolate(&mut self, subnet: &str) {
        let Some(Subnet { vpc, .. }) = self.subnets.get(subnet) else { return };
        let id = format!("rtb-private-{}", subnet.trim_start_matches("subnet-"));
        let table = RouteTable {
            id: id.clone(),
            vpc: vpc.clone(),
            main: false,
            subnets: BTreeSet::from([subnet.to_owned()]),
            gateway: None,
        };
        self.route_tables.insert(id, table);
    }

    /// Makes an interface in the subnet. Every one has another address: one that was given
    /// back is used again only after all others of the block.
    pub(crate) fn attach(
        &mut self,
        rng: &mut fastrand::Rng,
        scope: &Scope,
        request: Request<'_>,
        now: DateTime<Utc>,
    ) -> Arc<Interface> {
        self.private_last = self.private_last % 0x00ff_fffe + 1;
        let private = Ipv4Addr::from(0x0a00_0000 | self.private_last);
        let public_address = request.public.then(|| self.public_address()).flatten();
        let subnet = self.subnets.get(request.subnet);
        let mac = hex(rng, 10)
            .as_bytes()
            .chunks(2)
            .fold("06".to_owned(), |mac, pair| format!("{mac}:{}", String::from_utf8_lossy(pair)));
        let interface = Arc::new(Interface {
            id: format!("eni-{}", hex(rng, 17)),
            subnet: request.subnet.to_owned(),
            vpc: subnet.map_or_else(String::new, |s| s.vpc.clone()),
            zone: subnet.map_or_else(|| scope.zone(0), |s| s.zone.clone()),
            groups: request.groups.to_vec(),
            private_address: private,
            public_address,
            mac,
            attachment: format!("eni-attach-{}", hex(rng, 17)),
            description: request.description,
            attached_at: now,
        });
        for group in &interface.groups {
            self.by_group.entry(group.clone()).or_default().insert(interface.id.clone());
        }
        self.interfaces.insert(interface.id.clone(), Arc::clone(&interface));
        interface
    }

    /// Removes an interface and gives its address back.
    pub(crate) fn detach(&mut self, id: &str) {
        let Some(interface) = self.interfaces.remove(id) else {
            return;
        };
        for group in &interface.groups {
            if let Some(ids) = self.by_group.get_mut(group) {
                ids.remove(id);
            }
        }
        if let Some(address) = interface.public_address {
            let [_, _, high, low] = address.octets();
            self.public_used.remove(&u16::from_be_bytes([high, low]));
        }
    }

    /// The interfaces in one security group, by id.
    pub(crate) fn in_group(&self, group: &str) -> impl Iterator<Item = &Arc<Interface>> {
        let ids = self.by_group.get(group).into_iter().flatten();
        ids.filter_map(|id| self.interfaces.get(id))
    }

    /// An unused address of `127.<block>.0.0/16`, or none if all are taken. The last /24 is
    /// left out: it holds the socket by which the block is claimed.
    fn public_address(&mut self) -> Option<Ipv4Addr> {
        const LAST: u16 = 0xfeff;
        for _ in 0..=LAST {
            self.public_last = self.public_last % LAST + 1;
            if self.public_used.insert(self.public_last) {
                let [high, low] = self.public_last.to_be_bytes();
                return Some(Ipv4Addr::new(127, self.block, high, low));
            }
        }
        None
    }
}

/// What an interface is made for.
pub(crate) struct Request<'a> {
    pub(crate) subnet: &'a str,
    pub(crate) groups: &'a [String],
    pub(crate) public: bool,
    pub(crate) description: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_given_back_is_not_the_next_one_given() {
        let mut ec2 = Ec2::new(9);
        let mut rng = fastrand::Rng::with_seed(1);
        let scope = Scope { region: "r".into(), account: "1".into() };
        let mut attach = |ec2: &mut Ec2| {
            let groups = ["sg-1".to_owned()];
            let request = Request { subnet: "subnet-1", groups: &groups, public: true, description: String::new() };
            ec2.attach(&mut rng, &scope, request, DateTime::UNIX_EPOCH)
        };
        let first = attach(&mut ec2);
        assert_eq!(first.public_address, Some(Ipv4Addr::new(127, 9, 0, 1)));
        ec2.detach(&first.id);
        assert_ne!(attach(&mut ec2).public_address, first.public_address);
        assert_eq!(ec2.in_group("sg-1").count(), 1);
    }
}
