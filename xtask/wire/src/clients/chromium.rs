//! Runs a real browser without a window.

use super::output_of::output_of;
use crate::WireError;

/// The names of the program on different systems.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

const OPTIONS: [&str; 11] = [
    "--headless",
    // It loads only our own pages, and may run as root in CI, where its sandbox cannot start.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--virtual-time-budget=5000",
    "--dump-dom",
];

/// Opens a page in Chromium, runs its scripts for at most five seconds of the page's own time, and returns the
/// resulting page, or `None` if no such browser is installed.
///
/// # Errors
/// Returns an error when the browser does not start or does not end.
pub fn chromium_dom(url: &str) -> Result<Option<String>, WireError> {
    let profile = std::env::temp_dir().join(format!("wire-chromium-{}", std::process::id()));
    let option = format!("--user-data-dir={}", profile.display());
    let arguments = || OPTIONS.into_iter().chain([&*option, url]);
    let run = |name: &&str| output_of(name, arguments(), Vec::new()).transpose();
    let dom = NAMES.iter().find_map(run).transpose();
    // A directory that cannot be removed does no harm.
    let _ = std::fs::remove_dir_all(profile);
    dom
}
