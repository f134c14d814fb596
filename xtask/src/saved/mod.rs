//! The reader's work, kept in git before anything overwrites it.
//!
//! 1. [`Work::find`]: git stores the chapter as it is on the disk, and finds how it differs from the one that was
//!    shipped. The reader's index, branch and files stay as they are.
//! 2. [`Work::keep`]: the result becomes a commit with a name below `refs/saved`, before the first file is touched.
//! 3. [`Work::put`]: git writes the files of another state. Until it has, a note says how to undo it.
//!
//! After an interruption at any moment the commit has everything, and `cargo xtask restore` brings it back.

mod refs;
pub(crate) mod restore;
mod shipped;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use work::{Work, interrupted};

/// The directory with the lock, the note and a file that is being written, from the root. Git ignores it.
pub(crate) const FOLDER: &str = ".saved";
