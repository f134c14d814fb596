//! Runs a real browser without a window.

use super::output_of::output_of;
use crate::WireError;

/// The names of the program on different systems.
pub const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The options of every run. It loads only our own pages, and may run as root in CI, where its sandbox cannot start.
pub const BROWSER_OPTIONS: &str = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions";

/// Opens a page in Chromium, runs its scripts for at most five seconds of the page's own time, and returns the
/// resulting page, or `None` if no such browser is installed.
///
/// # Errors
/// Returns an error when the browser does not start or does not end.
pub fn chromium_dom(url: &str) -> Result<Option<String>, WireError> {
    let profile = std::env::temp_dir().join(format!("wire-chromium-{}", std::process::id()));
    let directory = format!("--user-data-dir={}", profile.display());
    let own = ["--virtual-time-budget=5000", "--dump-dom", &directory, url];
    let arguments = || BROWSER_OPTIONS.split(' ').chain(own);
    let run = |name: &&str| output_of(name, arguments(), Vec::new()).transpose();
    let dom = BROWSERS.iter().find_map(run).transpose();
    // A directory that cannot be removed does no harm.
    let _ = std::fs::remove_dir_all(profile);
    dom
}
