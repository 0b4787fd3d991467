use std::sync::Arc;

use crate::model::ec2::{SecurityGroup, Subnet};
use crate::shared::Shared;

/// Networks beside the wire. A clone is the same handle.
#[derive(Clone, Debug)]
pub struct Ec2Control {
    shared: Arc<Shared>,
}

/// The one network all subnets and groups are in.
const VPC: &str = "vpc-0000000000000001";

impl Ec2Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a subnet of this id. Called again it changes nothing.
    pub fn create_subnet(&self, id: &str) {
        self.shared.with(|world| {
            let index = world.ec2.subnets.len();
            let zone = world.scope.zone(index);
            world.ec2.subnets.entry(id.to_owned()).or_insert_with(|| Subnet {
                id: id.to_owned(),
                vpc: VPC.to_owned(),
                zone,
                cidr: format!("10.0.{}.0/20", index * 16 % 256),
            });
        });
    }

    /// Makes a security group of this id. Called again it changes nothing.
    pub fn create_security_group(&self, id: &str) {
        self.shared.with(|world| {
            world.ec2.groups.entry(id.to_owned()).or_insert_with(|| SecurityGroup {
                id: id.to_owned(),
                name: format!("group {id}"),
                vpc: VPC.to_owned(),
            });
        });
    }

    /// How many network interfaces exist.
    pub fn interfaces(&self) -> usize {
        self.shared.with(|world| world.ec2.interfaces.len())
    }
}
