//! The reader's work, kept before anything overwrites it: as commits with names below `refs/saved`.
//!
//! 1. [`work`]: how the chapter differs from the chapter as it was shipped.
//! 2. [`Store::keep`]: git stores that as a commit, before the first file is touched.
//! 3. [`Store::write`]: the files, each whole at any moment, and a note until all are written.
//!
//! After an interruption at any moment the commit has everything, and `cargo xtask restore` brings it back.

pub(crate) mod restore;
mod store;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use store::{Store, interrupted};
pub(crate) use work::{Change, Work};

/// The directory with the lock, the note and the file that is being written, from the root. Git ignores it.
pub(crate) const FOLDER: &str = ".saved";
