//! The door on the forge: pull requests and the sticky comment.
