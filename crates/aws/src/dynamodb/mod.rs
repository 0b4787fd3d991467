//! DynamoDB.
mod failure;
mod init;
mod leases;
mod records;
mod tables;
mod update;
mod value;
pub use leases::DynamoLeases;
pub use records::DynamoRecords;
