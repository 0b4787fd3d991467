use std::sync::Arc;

use crate::model::ec2::SecurityGroup;
use crate::shared::Shared;

/// Networks beside the wire. A clone is the same handle.
#[derive(Clone, Debug)]
pub struct Ec2Control {
    shared: Arc<Shared>,
}

/// The network that subnets and groups are in unless they are put into another.
const VPC: &str = "vpc-0000000000000001";

impl Ec2Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a subnet of this id in the one network that things are in by default, with a route to the internet. Called
    /// again it changes nothing.
    pub fn create_subnet(&self, id: &str) {
        self.create_subnet_in(id, VPC);
    }

    /// The same in a network of this id, which is made with its first subnet.
    pub fn create_subnet_in(&self, id: &str, vpc: &str) {
        self.shared.with(|world| world.ec2.add_subnet(&world.scope, id, vpc));
    }

    /// Gives a subnet a route table of its own that leads nowhere but to its network.
    pub fn make_private(&self, subnet: &str) {
        self.shared.with(|world| world.ec2.isolate(subnet));
    }

    /// Makes a security group of this id, which lets anybody in on every TCP port. Called again it changes nothing.
    pub fn create_security_group(&self, id: &str) {
        self.create_security_group_in(id, VPC, Some((0, u16::MAX)));
    }

    /// The same in a network of this id, for the TCP ports from the first to the last; `None`: it lets nobody in, as a new
    /// group does on AWS.
    pub fn create_security_group_in(&self, id: &str, vpc: &str, ports: Option<(u16, u16)>) {
        self.shared.with(|world| {
            world.ec2.groups.entry(id.to_owned()).or_insert_with(|| SecurityGroup {
                id: id.to_owned(),
                name: format!("group {id}"),
                vpc: vpc.to_owned(),
                ports,
            });
        });
    }

    /// How many network interfaces exist.
    pub fn interfaces(&self) -> usize {
        self.shared.with(|world| world.ec2.interfaces.len())
    }
}
