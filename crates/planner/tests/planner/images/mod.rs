//! What becomes of images, over repositories made of real manifests.

mod bad_input;
mod kinds;
mod own_tags;
mod passes;
mod properties;
mod repository;
mod tags;
