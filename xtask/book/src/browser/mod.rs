//! Opens the book in a real browser: finds failing scripts, missing files and pages that are too wide for a phone.

pub(crate) mod accessibility;
pub(crate) mod labs;
pub(crate) mod pages;
pub(crate) mod print;
mod program;
pub(crate) mod rows;
mod site;
