//! `cargo xtask`: the tools of the course.
fn main() {}
