//! Opens the book in a real browser: finds failing scripts, missing files and pages that are too wide for a phone, and
//! takes screenshots.

pub(crate) mod accessibility;
pub(crate) mod labs;
pub(crate) mod rows;
mod site;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::publish;
use crate::source::{Sources, target};
use site::Site;

/// The names of the browser's program on different systems.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// How long the browser may take for all pages, or for one screenshot.
const PATIENCE: Duration = Duration::from_secs(600);

/// The theme and the width of each screenshot, and the end of its file name.
const LOOKS: [(&str, u32, &str); 3] =
    [("light", 1200, "light"), ("navy", 1200, "dark"), ("light", 390, "phone")];

const FRAME: &str = include_str!("frame.html");

/// Opens every page in the light theme at the width of a desktop, and in the dark theme at the width of a phone.
/// Returns a line for the summary.
///
/// The pages are checked as they are published, with the content security policy.
pub(crate) fn look(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let root = target(sources).join("published/pages");
    publish::run(sources, &root)?;
    let pages = pages(&root)?;
    let site = Site::serve(&root, with_pages(FRAME, &pages)?)?;
    let Some(browser) = Browser::start(sources, &[], &site.frame(""))? else {
        return Ok(format!("browser skipped: none of {} is installed", NAMES.join(", ")));
    };
    let report = site
        .report(PATIENCE)
        .with_context(|| format!("the browser has not finished after {PATIENCE:?}"))?;
    drop(browser);
    let seen: Vec<String> = serde_json::from_str(&report).context("the browser's report")?;
    problems.extend(seen.into_iter().map(|problem| format!("browser: {problem}")));
    let missing = site.missing().into_iter().filter(|path| path != "/favicon.ico");
    problems.extend(missing.map(|path| format!("browser: nothing at {path}")));
    Ok(format!("{} pages in a browser", pages.len()))
}

/// Takes screenshots of these pages, or of all: light, dark, and as wide as a phone.
pub(crate) fn screenshots(folder: &Path, chosen: &[String], height: u32) -> Result<()> {
    let sources = Sources::find()?;
    let root = sources.root().join("book/book");
    let pages = if chosen.is_empty() { pages(&root)? } else { chosen.to_vec() };
    fs::create_dir_all(folder)?;
    let site = Site::serve(&root, with_pages(FRAME, &[])?)?;
    for page in &pages {
        let page = page.trim_start_matches('/');
        if !root.join(page).is_file() {
            bail!(
                "no page {page} in book/book; build the book, or name one such as part1/index.html"
            );
        }
        for (theme, width, look) in LOOKS {
            let name = page.trim_end_matches(".html").replace('/', "-");
            let file = env::current_dir()?.join(folder).join(format!("{name}-{look}.png"));
            let query = format!("?page=/{page}&theme={theme}&width={width}&height={height}");
            let options = [
                format!("--screenshot={}", file.display()),
                format!("--window-size={width},{height}"),
            ];
            let Some(mut browser) = Browser::start(&sources, &options, &site.frame(&query))? else {
                bail!("pictures need a browser: one of {}", NAMES.join(", "));
            };
            browser.wait()?;
            println!("{}", file.display());
        }
    }
    Ok(())
}

/// Prints a document as a PDF. Its addresses are relative to the built book.
///
/// # Errors
/// If there is no browser, or it writes no PDF.
pub(crate) fn print(sources: &Sources, document: String, file: &Path) -> Result<()> {
    let site = Site::serve(&sources.root().join("book/book"), document)?;
    let file = std::path::absolute(file)?;
    if file.exists() {
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    let options = [
        format!("--print-to-pdf={}", file.display()),
        "--no-pdf-header-footer".to_string(),
        "--generate-pdf-document-outline".to_string(),
    ];
    let Some(mut browser) = Browser::start(sources, &options, &site.frame(""))? else {
        bail!(
            "a PDF is printed by a browser, and none of {} is installed: apt install chromium, brew install chromium, or \
             Google Chrome. An EPUB needs none: --epub",
            NAMES.join(", ")
        );
    };
    browser.wait()?;
    // The browser exits with success even if it could not write the file.
    if !file.is_file() {
        bail!("the browser has not written {}", file.display());
    }
    Ok(())
}

/// Inserts the list of pages into the frame page.
fn with_pages(frame: &str, pages: &[String]) -> Result<String> {
    let absolute: Vec<String> = pages.iter().map(|page| format!("/{page}")).collect();
    Ok(frame.replacen("/*pages*/[]", &serde_json::to_string(&absolute)?, 1))
}

/// What mdBook writes into a page that redirects.
const REDIRECT: &str = "<meta http-equiv=\"refresh\"";

/// The pages of the built book, except the print page, which contains all others.
fn pages(root: &Path) -> Result<Vec<String>> {
    let mut pages = crate::files::below(root, "html").context("build the book first")?;
    pages.retain(|page| !["print.html", "toc.html", "404.html"].contains(&page.as_str()));
    // Pages that redirect lead to pages that are already in the list.
    let redirects = |page: &String| {
        fs::read_to_string(root.join(page)).is_ok_and(|html| html.contains(REDIRECT))
    };
    pages.retain(|page| !redirects(page));
    Ok(pages)
}

/// A headless browser, with a profile that is deleted when it ends.
struct Browser {
    child: Child,
    profile: PathBuf,
}

impl Browser {
    /// `None` if no browser is installed.
    fn start(sources: &Sources, options: &[String], url: &str) -> Result<Option<Browser>> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let profile = format!("{}-{number}", std::process::id());
        let profile = target(sources).join("browser").join(profile);
        fs::create_dir_all(&profile)?;
        for name in NAMES {
            let child = Command::new(name)
                .args([
                    "--headless",
                    // It loads only our own pages, and may run as root in CI, where its sandbox cannot
                    // start.
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--disable-extensions",
                    "--hide-scrollbars",
                ])
                .arg(format!("--user-data-dir={}", profile.display()))
                .args(options)
                .arg(url)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            if let Ok(child) = child {
                return Ok(Some(Browser { child, profile }));
            }
        }
        let _ = fs::remove_dir_all(&profile);
        Ok(None)
    }

    /// Waits until the browser has written its output.
    fn wait(&mut self) -> Result<()> {
        let until = std::time::Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if std::time::Instant::now() >= until {
                bail!("the browser has not finished after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // An error does no harm: nothing depends on the profile, which is below target/.
        let _ = fs::remove_dir_all(&self.profile);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_printed() {
        let sources = Sources::find().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pdf");
        let document = "<!DOCTYPE html><title>A</title><p>B".to_string();
        match print(&sources, document, &file) {
            Ok(()) => assert!(fs::read(&file).unwrap().starts_with(b"%PDF-")),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("is installed: apt install chromium"), "{error}");
                println!("skipped: {error}");
            }
        }
    }
}
