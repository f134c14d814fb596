//! The pages under `/admin`, which require a password except for `/admin/health`.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::http::header_value::InvalidHeaderValue;
use crate::http::{Request, Response, Router, Status};
use crate::middleware::BasicAuth;
use crate::middleware::basic_auth::User;

/// Adds the routes under `/admin`.
pub(super) fn routes(router: &mut Router) {
    let visits = AtomicU64::new(0);
    router.get("/admin/whoami", move |request: &mut Request| {
        let visits = visits.fetch_add(1, Ordering::Relaxed) + 1;
        let user = request.extensions().get().map(|User(name)| name.as_str());
        Response::json(&json!({ "user": user, "visits": visits }))
    });
    router.get("/admin/health", |_: &mut Request| Status::NO_CONTENT);
}

/// Returns the layer with the users and their passwords. A real program would keep password hashes
/// in a separate file.
pub(super) fn auth() -> Result<BasicAuth, InvalidHeaderValue> {
    let auth = BasicAuth::new("admin")?
        .user("ada", "analytical:engine")
        .user("grace", "café au lait")
        .protect("/admin")
        .except("/admin/health");
    Ok(auth)
}
