//! The doors on AWS: ECS, EC2, ECR, DynamoDB and its streams.
