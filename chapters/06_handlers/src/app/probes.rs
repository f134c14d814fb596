//! The health checks of this program.

use std::path::Path;
use std::time::Duration;

use crate::handlers::Health;
use crate::handlers::static_files::resolve::Root;

/// The maximum time that the disk may take to look up a directory. A network drive that is down can
/// block forever.
const DISK: Duration = Duration::from_secs(1);

/// Builds the health checks. The server is ready until a stop is requested, as long as its files
/// can be served. The check looks up the root the way a request does, because any other check could
/// pass while requests fail.
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
