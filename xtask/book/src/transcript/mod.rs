//! Terminal transcripts: shown on a page, and replayed against the real programs.

#[cfg(unix)]
mod address;
#[cfg(unix)]
mod bless;
#[cfg(unix)]
mod matcher;
#[cfg(unix)]
mod pages;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod replay;
#[cfg(unix)]
mod rest;
mod script;
#[cfg(unix)]
mod terminal;

#[cfg(unix)]
pub(crate) use pages::run;
pub(crate) use script::render;

/// Transcripts show a Unix shell, so they are replayed only where there is one.
#[cfg(not(unix))]
pub(crate) fn run(_: &[std::path::PathBuf], _: bool) -> anyhow::Result<()> {
    anyhow::bail!("transcripts are replayed on Linux only")
}
