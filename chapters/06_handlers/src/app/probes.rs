//! The health checks of this program.

use std::path::Path;
use std::time::Duration;

use crate::handlers::Health;
use crate::handlers::static_files::resolve::Root;

/// How long the disk may take to look up a directory. A network drive that is down can block forever.
const DISK: Duration = Duration::from_secs(1);

/// The server is ready until a stop is requested, and while its files are there. The probe looks up the root as
/// requests do: a check of its own could pass while they fail.
pub(super) fn health(
    folder: &Path,
    is_stopping: impl Fn() -> bool + Send + Sync + 'static,
) -> Health {
    let folder = folder.to_path_buf();
    Health::new(is_stopping).ready("files", DISK, move || {
        Root::new(&folder)
            .and_then(|root| root.check())
            .map_err(|error| format!("{}: {error}", folder.display()))
    })
}
