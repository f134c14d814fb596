//! Replays terminal transcripts against the real programs. They show a Unix shell, so this needs one.

mod address;
mod matcher;
mod pages;
mod programs;
mod replay;
mod terminal;

pub(crate) use pages::run;
