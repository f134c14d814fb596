//! What has to be so for this program to be well.

use std::time::Duration;

use crate::handlers::Health;
use crate::handlers::static_files::resolve::Root;
use crate::{Arguments, ServerHandle};

/// How long the disk may take to say what is in a folder. A network drive that is away can take for ever.
const DISK: Duration = Duration::from_secs(1);

/// The server can serve while it has not been asked to stop and its files are there. The probe asks for the root as
/// requests do: a check of its own could pass while they fail.
pub(super) fn health(arguments: &Arguments, server: ServerHandle) -> Health {
    let folder = arguments.files.clone();
    Health::new(move || server.is_stopping()).ready("files", DISK, move || {
        Root::new(&folder)
            .and_then(|root| root.check())
            .map_err(|error| format!("{}: {error}", folder.display()))
    })
}
