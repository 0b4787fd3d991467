//! The bot, with its doors in memory.

mod approving;
mod authority;
mod bad_input;
mod commands;
mod doors;
mod examples;
mod fair;
mod faults;
mod following;
mod genuine;
mod logs;
mod mail;
mod missed;
mod newest;
mod order;
mod outages;
mod payloads;
mod renamed;
mod reviews;
mod secrets;
mod world;
