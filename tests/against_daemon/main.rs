//! The main job on real input: `bivouac run` with the Superset example, as anybody would start it, against moto (ECS, EC2,
//! ECR), Amazon's DynamoDB Local and the embedded GitHub; driven by plain DynamoDB writes, or by a pull request, and by
//! nothing else.

#[path = "../support/emulators.rs"]
mod emulators;
#[path = "../support/fargate.rs"]
mod fargate;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/wait.rs"]
mod wait;

mod pull_request;
mod records;
mod world;
