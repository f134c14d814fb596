//! The book: preprocessor and checks.
fn main() {}
