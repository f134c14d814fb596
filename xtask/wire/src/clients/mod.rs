//! Clients that people use, against a server under test: they send what no test author would think of.
//!
//! A client that is not installed is skipped, and the result is [`Ran::Skipped`].

mod browser;
mod chromium;
mod curl;
mod output_of;
mod python;

pub use browser::browser;
pub use chromium::chromium_dom;
pub use curl::curl;
pub use curl::curl_get;
pub use output_of::Ran;
pub use python::python;
