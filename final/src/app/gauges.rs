//! What `/metrics` shows of the server itself: the memory that is held for clients, and what it has rejected.

use std::fmt::Write;

use crate::ServerHandle;

/// The families, in the text format of Prometheus.
pub(super) fn families(server: &ServerHandle) -> String {
    let budget = server.memory();
    let (held, limit, rejections) = (budget.held(), budget.limit(), budget.rejections());
    let mut page = format!(
        "# HELP http_memory_held_bytes Bytes that are held for clients.\n\
         # TYPE http_memory_held_bytes gauge\n\
         http_memory_held_bytes {held}\n\
         # HELP http_memory_limit_bytes Bytes that may be held for clients.\n\
         # TYPE http_memory_limit_bytes gauge\n\
         http_memory_limit_bytes {limit}\n\
         # HELP http_memory_rejections_total Requests and connections that were given up for want of memory.\n\
         # TYPE http_memory_rejections_total counter\n\
         http_memory_rejections_total {rejections}\n\
         # HELP http_rejections_total Requests and connections that were rejected before any handler.\n\
         # TYPE http_rejections_total counter\n"
    );
    for (reason, count) in server.rejections() {
        let _ = writeln!(page, "http_rejections_total{{reason=\"{reason}\"}} {count}");
    }
    page
}
