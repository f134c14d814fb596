//! A headless browser, which is one of the programs that the machine has.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::sources::{Sources, temporary};

/// The names of the browser's program on different systems.
pub(super) const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// How long the browser may take for all pages.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// It loads only our own pages, and may run as root in CI, where its sandbox cannot start.
const OPTIONS: &str = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions --hide-scrollbars";

/// A browser that runs. It is killed when the value is dropped.
pub(super) struct Browser {
    child: Child,
    /// Deleted after the browser has ended.
    _profile: TempDir,
}

impl Browser {
    /// `None` if no browser is installed.
    pub(super) fn start(
        sources: &Sources,
        options: &[String],
        url: &str,
    ) -> Result<Option<Browser>> {
        let profile = temporary(sources, "browser")?;
        for name in NAMES {
            let child = Command::new(name)
                .args(OPTIONS.split(' '))
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .args(options)
                .arg(url)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            if let Ok(child) = child {
                return Ok(Some(Browser { child, _profile: profile }));
            }
        }
        Ok(None)
    }

    /// Waits until the browser has written its output.
    pub(super) fn wait(mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= until {
                bail!("the browser has not finished after {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
