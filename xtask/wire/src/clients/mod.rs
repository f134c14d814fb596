//! Runs common clients against a server under test, because they send requests that no test author would think of.
//!
//! A client that is not installed is skipped, and the result is [`Ran::Skipped`].

mod browser;
mod chromium;
mod curl;
mod output_of;
mod python;

pub(crate) use browser::FIELDS;
pub use browser::browser;
pub use chromium::{BROWSER_OPTIONS, BROWSERS, chromium_dom};
pub use curl::{curl, curl_get};
pub use output_of::Ran;
pub use python::python;
