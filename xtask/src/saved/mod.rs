//! The reader's work, kept before anything overwrites it: patches in the folder `.saved`.
//!
//! 1. [`work`]: what differs from the chapter as it was shipped.
//! 2. [`Store::keep`]: that, as a patch, whole on the disk and tried before the first file is touched.
//! 3. [`Store::write`]: the files, each whole at any moment, and a note as long as some are still to come.
//!
//! Whoever is interrupted in between finds all in the patch; `cargo xtask restore` brings it back.

pub(crate) mod restore;
mod store;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use store::{Store, interrupted};
pub(crate) use work::{Change, Work};

/// The folder, from the root. It is the reader's own, so git ignores it.
pub(crate) const FOLDER: &str = ".saved";
