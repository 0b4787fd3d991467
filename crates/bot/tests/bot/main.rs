//! The bot, with its doors in memory.

mod authority;
mod bad_input;
mod commands;
mod doors;
mod faults;
mod following;
mod newest;
mod order;
mod payloads;
mod world;
