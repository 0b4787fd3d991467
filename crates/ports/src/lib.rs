//! The doors: what the controller needs of the world, by meaning.
