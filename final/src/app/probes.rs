//! What has to be so for this program to be well.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::ServerHandle;
use crate::handlers::Health;

/// How long the disk may take to say what is in a folder. A network drive that is away can take for ever.
const DISK: Duration = Duration::from_secs(1);

/// The server can serve while it has not been asked to stop and its files are there.
pub(super) fn health(folder: &Path, server: Option<ServerHandle>) -> Health {
    let folder = folder.to_path_buf();
    Health::new(move || server.as_ref().is_some_and(ServerHandle::is_stopping)).ready(
        "files",
        DISK,
        move || {
            fs::read_dir(&folder)
                .map(drop)
                .map_err(|error| format!("{}: {error}", folder.display()))
        },
    )
}
