//! The files of the check, and a server of them.

use std::fs::{self, File};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use wire::exercise::{Answer, Failure, Server};

/// A hundred bytes, in which each pair of digits is its own position.
pub(super) const HUNDRED: &str = "/static/hundred.txt";
/// Text that is worth compressing.
pub(super) const LONG: &str = "/static/long.txt";
/// A file that has just been changed, so that its tag is a weak one.
pub(super) const FRESH: &str = "/static/fresh.txt";
pub(super) const EMPTY: &str = "/static/empty.txt";

/// The modification time of the files: long ago, so that their tags are strong.
const CHANGED: Duration = Duration::from_secs(784_111_777);
pub(super) const LAST_MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A server for a directory with the files of the check.
pub(super) struct Files {
    server: Server,
}

impl Files {
    /// Starts a server for the files above.
    pub(super) fn serve(server: &Server) -> Result<Files, Failure> {
        Files::below(server, &make_folder().map_err(|error| cannot(&error))?)
    }

    /// Starts a server for another directory.
    pub(super) fn below(server: &Server, folder: &Path) -> Result<Files, Failure> {
        Ok(Files { server: server.with_arguments(&[&folder.to_string_lossy()])? })
    }

    pub(super) fn part(&self, target: &str, range: &str) -> Result<Answer, Failure> {
        self.ask("GET", target, &[("Range", range)], b"")
    }

    pub(super) fn tag(&self, target: &str) -> Result<String, Failure> {
        let answer = self.get(target)?;
        let tag = answer.has("ETag")?;
        answer.require(tag.starts_with('"'), "a strong ETag", tag)?;
        Ok(tag.to_string())
    }
}

impl Deref for Files {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Creates the files. The directory stays, so that a user can repeat the requests of the check.
fn make_folder() -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercise_06");
    fs::create_dir_all(&folder)?;
    let write = |target: &str, content: &[u8], changed: SystemTime| {
        let path = folder.join(target.trim_start_matches("/static/"));
        let modified = fs::metadata(&path).and_then(|it| it.modified()).ok();
        let has_changed = modified != Some(changed) || fs::read(&path)? != content;
        if has_changed {
            fs::write(&path, content)?;
            File::options().write(true).open(&path)?.set_modified(changed)?;
        }
        Ok::<_, io::Error>(has_changed)
    };
    let long_ago = SystemTime::UNIX_EPOCH + CHANGED;
    let mut has_changed = false;
    for (target, content) in [(HUNDRED, hundred()), (LONG, long()), (EMPTY, Vec::new())] {
        has_changed |= write(target, &content, long_ago)?;
    }
    // With a time in the future, the file counts as new for as long as the check takes.
    write(FRESH, &hundred(), SystemTime::now() + Duration::from_secs(3600))?;
    if has_changed {
        // Setting the time changes the ctime, so for two seconds the tags are weak.
        thread::sleep(Duration::from_millis(2_100));
    }
    Ok(folder)
}

pub(super) fn cannot(error: &io::Error) -> Failure {
    Failure::new("a folder with files, which the check makes for itself", error.to_string())
}

pub(super) fn hundred() -> Vec<u8> {
    (0..50).flat_map(|number| format!("{number:02}").into_bytes()).collect()
}

pub(super) fn long() -> Vec<u8> {
    (0..1000).flat_map(|number| format!("line {number:03}\n").into_bytes()).collect()
}
