//! The promises of the cluster and the registry on the embedded cloud.

use bivouac_simcloud::{Options, SimCloud};

use crate::contract::differences::Emulator;
use crate::contract::place::Place;

/// An embedded cloud of one test's own.
pub async fn embedded() -> (SimCloud, Place) {
    // No promise opens an address, so the tasks need not answer.
    let options = Options { serve_tasks: false, region: "us-east-1".into(), ..Options::default() };
    let cloud = SimCloud::start(options).await.expect("it starts");
    cloud.ec2().create_subnet("subnet-1");
    cloud.ec2().create_security_group("sg-1");
    let place = Place {
        emulator: Emulator::Simcloud,
        url: cloud.aws_url(),
        subnet: "subnet-1".into(),
        security_group: "sg-1".into(),
    };
    (cloud, place)
}

macro_rules! embedded {
    ($door:ident: $($promise:ident),+ $(,)?) => {
        mod $door {
            $(#[tokio::test]
            async fn $promise() {
                let (cloud, place) = super::embedded().await;
                crate::contract::$door::$promise(&place).await;
                cloud.shutdown().await;
            })+
        }
    };
}

crate::cluster_promises!(embedded);
crate::registry_promises!(embedded);
