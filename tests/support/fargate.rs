//! Fargate, played in front of moto: moto keeps services and tasks and never starts one for the other.
//!
//! What it does is what ECS and Fargate do for a service of one task: start a task for the PRIMARY deployment, give it a
//! public address at which the application answers, and stop what no deployment wants any more. It acts only when it is
//! asked to, so a test decides what happens between two of its steps.
//!
//! Where moto 5.2.5 differs from AWS, this makes up for it, and says so here:
//!
//! - UpdateService with another task definition starts no deployment: `update_service` in `moto/ecs/models.py` renews the id
//!   of the PRIMARY deployment only for `forceNewDeployment`. So it is asked for that, right before the new task starts.
//! - DescribeTasks ages a task by one state each time, so a task would be STOPPED after four looks: `describe_tasks` calls
//!   `task.advance()`, and a state lasts for one call. [`Fargate::new`] makes it last for good, through moto's own
//!   "state manager" interface; that holds for all tests of a run.
//! - A service that is deleted is INACTIVE at once, its tasks go on: they are stopped here, as ECS does while it drains.
//! - An interface has no public address by itself: an Elastic IP takes its place. moto takes them from 127.0.0.0/8
//!   (`random_ip` in `moto/ec2/utils.py`), which is all loopback on Linux, so a server can listen there.

use std::net::IpAddr;

use aws_sdk_ec2::types::DomainType;
use aws_sdk_ecs::types::{LaunchType, Service};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The agent of one service.
pub struct Fargate {
    ecs: aws_sdk_ecs::Client,
    ec2: aws_sdk_ec2::Client,
    cluster: String,
    service: String,
    port: u16,
    task: Option<RunningTask>,
}

/// A task with its address and its application.
struct RunningTask {
    arn: String,
    task_definition: String,
    deployment: String,
    interface: String,
    allocation: String,
    association: String,
    address: IpAddr,
    application: JoinHandle<()>,
}

impl Fargate {
    /// An agent that has done nothing yet, for a service that need not exist yet.
    pub async fn new(
        moto: &str,
        ecs: aws_sdk_ecs::Client,
        ec2: aws_sdk_ec2::Client,
        cluster: &str,
        service: &str,
        port: u16,
    ) -> Self {
        let forever =
            json!({ "model_name": "ecs::task", "transition": { "progression": "manual", "times": i32::MAX } });
        let request = reqwest::Client::new().post(format!("{moto}/moto-api/state-manager/set-transition"));
        let answer = request.body(forever.to_string()).send().await.expect("moto's own interface");
        assert!(answer.status().is_success(), "{answer:?}");
        Self { ecs, ec2, cluster: cluster.to_owned(), service: service.to_owned(), port, task: None }
    }

    /// The service as moto has it; `None` when it is INACTIVE or was never made.
    pub async fn service(&self) -> Option<Service> {
        let described = self.ecs.describe_services().cluster(&self.cluster).services(&self.service);
        let answer = described.send().await.expect("DescribeServices");
        answer.services.into_iter().flatten().find(|service| service.status() != Some("INACTIVE"))
    }

    /// What ECS and Fargate do until they have nothing more to do: a task for the PRIMARY deployment and none besides, or none
    /// at all. Answers the address of the task. Called again it changes nothing.
    pub async fn catch_up(&mut self) -> Option<IpAddr> {
        let Some(service) = self.service().await.filter(|service| service.desired_count() > 0) else {
            self.stop().await;
            return None;
        };
        let wanted = name(service.task_definition().expect("a service deploys something")).to_owned();
        let mut deployment = primary(&service);
        if let Some(task) = self.task.as_ref().filter(|task| task.deployment == deployment) {
            if task.task_definition == wanted {
                return Some(task.address);
            }
            let update = self.ecs.update_service().cluster(&self.cluster).service(&self.service);
            let answer = update.force_new_deployment(true).send().await.expect("UpdateService");
            deployment = primary(&answer.service.expect("a service"));
        }
        let started = self.start(&service, wanted, deployment).await;
        let address = started.address;
        // The new one runs before the old one stops: minimum 100 %, maximum 200 %.
        self.stop().await;
        self.task = Some(started);
        Some(address)
    }

    async fn start(&self, service: &Service, task_definition: String, deployment: String) -> RunningTask {
        let request = self
            .ecs
            .run_task()
            .cluster(&self.cluster)
            .task_definition(&task_definition)
            .launch_type(LaunchType::Fargate)
            .started_by(&deployment)
            .group(format!("service:{}", self.service))
            .set_network_configuration(service.network_configuration().cloned());
        let answer = request.send().await.expect("RunTask");
        let task = answer.tasks().first().expect("a task");
        let details = task.attachments().iter().flat_map(|attachment| attachment.details());
        let interface = details.filter(|detail| detail.name() == Some("networkInterfaceId")).find_map(|it| it.value());
        let interface = interface.expect("an interface").to_owned();

        let described = self.ecs.describe_task_definition().task_definition(&task_definition).send().await;
        let described = described.expect("DescribeTaskDefinition").task_definition.expect("a task definition");
        let image = described.container_definitions()[0].image().expect("an image").to_owned();
        let elastic = self.ec2.allocate_address().domain(DomainType::Vpc).send().await.expect("AllocateAddress");
        let address: IpAddr = elastic.public_ip().expect("an address").parse().expect("an address");
        assert!(address.is_loopback(), "nobody on this machine answers at {address}");
        let allocation = elastic.allocation_id().expect("an allocation").to_owned();
        let application = TcpListener::bind((address, self.port)).await.expect("the address of the task is free");
        let application = tokio::spawn(serve(application, image));
        let associate = self.ec2.associate_address().allocation_id(&allocation).network_interface_id(&interface);
        let associated = associate.send().await.expect("AssociateAddress");
        RunningTask {
            arn: task.task_arn().expect("an ARN").to_owned(),
            task_definition,
            deployment,
            interface,
            allocation,
            association: associated.association_id().expect("an association").to_owned(),
            address,
            application,
        }
    }

    async fn stop(&mut self) {
        let Some(task) = self.task.take() else { return };
        task.application.abort();
        let stop = self.ecs.stop_task().cluster(&self.cluster).task(&task.arn).reason("Scaling activity initiated");
        stop.send().await.expect("StopTask");
        let association = self.ec2.disassociate_address().association_id(&task.association);
        association.send().await.expect("DisassociateAddress");
        self.ec2.release_address().allocation_id(&task.allocation).send().await.expect("ReleaseAddress");
        let interface = self.ec2.delete_network_interface().network_interface_id(&task.interface);
        interface.send().await.expect("DeleteNetworkInterface");
    }
}

/// `family:revision`. moto gives back what UpdateService was given; AWS makes an ARN of it.
fn name(task_definition: &str) -> &str {
    task_definition.rsplit('/').next().unwrap_or(task_definition)
}

/// The id of the PRIMARY deployment.
pub fn primary(service: &Service) -> String {
    let mut deployments = service.deployments().iter();
    let primary = deployments.find(|deployment| deployment.status() == Some("PRIMARY")).expect("a PRIMARY deployment");
    primary.id().expect("an id").to_owned()
}

/// An application that answers every request with the image it runs.
async fn serve(listener: TcpListener, image: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let image = image.clone();
        tokio::spawn(async move {
            let _ = answer(stream, &image).await;
        });
    }
}

async fn answer(stream: TcpStream, image: &str) -> std::io::Result<()> {
    let length = image.len();
    let text = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{image}"
    );
    // The whole head: a connection that is closed with something unread is reset, and the answer lost.
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.readable().await?;
        let mut part = [0; 1024];
        match stream.try_read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(length) => head.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(length) => rest = &rest[length..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
