//! What has to be so for this program to be well.

use std::fs;
use std::time::Duration;

use crate::handlers::Health;
use crate::{Arguments, ServerHandle};

/// How long the disk may take to say what is in a folder. A network drive that is away can take for ever.
const DISK: Duration = Duration::from_secs(1);

/// The server can serve while it has not been asked to stop and its files are there.
pub(super) fn health(arguments: &Arguments, server: ServerHandle) -> Health {
    let folder = arguments.files.clone();
    Health::new(move || server.is_stopping()).ready("files", DISK, move || {
        fs::read_dir(&folder).map(drop).map_err(|error| format!("{}: {error}", folder.display()))
    })
}
