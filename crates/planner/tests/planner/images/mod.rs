//! What becomes of images, over repositories made of real manifests.

mod bad_input;
mod kinds;
mod passes;
mod properties;
mod repository;
mod tags;
