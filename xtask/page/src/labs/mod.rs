//! What the labs of the pages run: the chapter's own code, with what a reader has typed.

pub(crate) mod bucket;
pub(crate) mod layers;
