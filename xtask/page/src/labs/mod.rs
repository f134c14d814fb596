//! The code that the labs run: the chapter's own code, with the reader's input.

pub(crate) mod bucket;
pub(crate) mod layers;
