//! An embedded cloud: ECS, EC2, ECR, DynamoDB and GitHub on their own wire protocols.

pub mod github;
