//! What a page calls.

use std::sync::OnceLock;

use crate::core::stderr::log_stderr;
use crate::server::Server;

/// The server, once it has been started. It stays `None` if the application cannot be built.
static SERVER: OnceLock<Option<Server>> = OnceLock::new();

/// Serves the connection that the page has ready. The first call builds the application.
#[expect(
    unsafe_code,
    reason = "the page calls it by its name, which no other symbol of the module has"
)]
#[unsafe(no_mangle)]
extern "C" fn serve() {
    let server = SERVER.get_or_init(|| {
        Server::start(crate::build)
            .inspect_err(|error| log_stderr(format_args!("Error: {error:?}")))
            .ok()
    });
    if let Some(server) = server {
        server.serve();
    }
}
