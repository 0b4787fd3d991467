//! What EC2 knows: the public addresses of network interfaces.

mod addresses;

pub(crate) use addresses::Addresses;
