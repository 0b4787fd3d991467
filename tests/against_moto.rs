//! The promises of the cluster and the registry on moto, which knows nothing of our embedded cloud.

#[path = "contract/mod.rs"]
mod contract;
#[path = "support/emulators.rs"]
mod emulators;

use contract::differences::Emulator;
use contract::place::{Place, between};

/// moto, with the subnet and the security group that it gives every account.
async fn moto() -> Place {
    let nowhere = String::new();
    let url = emulators::moto_url();
    let mut place = Place { emulator: Emulator::Moto, url, subnet: nowhere.clone(), security_group: nowhere };
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
