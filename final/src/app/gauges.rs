//! The server's own metrics: memory held for clients, large bodies in progress, rejections, and
//! lost log lines.

use std::fmt::Write;

use crate::ServerHandle;

/// Returns the metric families, in the text format of Prometheus.
pub(super) fn families(server: &ServerHandle) -> String {
    let budget = server.memory();
    let (held, limit) = (budget.held(), budget.limit());
    let uploads = server.uploads();
    let (slots, free, queued) = (uploads.count(), uploads.free(), uploads.queued());
    let mut page = format!(
        "# HELP http_memory_held_bytes Bytes that are held for clients.\n\
         # TYPE http_memory_held_bytes gauge\n\
         http_memory_held_bytes {held}\n\
         # HELP http_memory_limit_bytes Bytes that may be held for clients.\n\
         # TYPE http_memory_limit_bytes gauge\n\
         http_memory_limit_bytes {limit}\n\
         # HELP http_upload_slots Large request bodies that may be read at a time.\n\
         # TYPE http_upload_slots gauge\n\
         http_upload_slots {slots}\n\
         # HELP http_upload_slots_free Slots that no large request body has.\n\
         # TYPE http_upload_slots_free gauge\n\
         http_upload_slots_free {free}\n\
         # HELP http_uploads_queued Large request bodies that wait for a slot.\n\
         # TYPE http_uploads_queued gauge\n\
         http_uploads_queued {queued}\n\
         # HELP http_rejections_total Requests and connections that the server itself rejected.\n\
         # TYPE http_rejections_total counter\n"
    );
    for (reason, count) in server.rejections() {
        let _ = writeln!(page, "http_rejections_total{{reason=\"{reason}\"}} {count}");
    }
    page
}

/// Returns the metric family of the access log, where `dropped` is the number of lost lines.
pub(super) fn log(dropped: u64) -> String {
    format!(
        "# HELP http_log_lines_dropped_total Lines of the access log that were dropped, because its output was slow or failed.\n\
         # TYPE http_log_lines_dropped_total counter\n\
         http_log_lines_dropped_total {dropped}\n"
    )
}
