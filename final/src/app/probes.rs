//! What has to be so for this program to be well.

use std::path::Path;
use std::time::Duration;

use crate::ServerHandle;
use crate::handlers::Health;
use crate::handlers::static_files::resolve::Root;

/// How long the disk may take to say what is in a folder. A network drive that is away can take for ever.
const DISK: Duration = Duration::from_secs(1);

/// The server can serve while it has not been asked to stop and its files are there. The probe asks for the root as
/// requests do: a check of its own could pass while they fail.
pub(super) fn health(folder: &Path, server: Option<ServerHandle>) -> Health {
    let folder = folder.to_path_buf();
    Health::new(move || server.as_ref().is_some_and(ServerHandle::is_stopping)).ready(
        "files",
        DISK,
        move || {
            Root::new(&folder)
                .and_then(|root| root.check())
                .map_err(|error| format!("{}: {error}", folder.display()))
        },
    )
}
