//! A JSON service with routes, layers and shared state, in one file: `cargo run -p final --example users_api`.
//!
//! ```text
//! curl --json '{"name":"Ada"}' http://127.0.0.1:8080/users
//! curl http://127.0.0.1:8080/users/1
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use httpserver::Server;
use httpserver::core::signals::on_stop;
use httpserver::core::stdout::announce;
use httpserver::http::{HttpError, Request, Response, Router, Status, extract};
use httpserver::middleware::log_format::LogFormat;
use httpserver::middleware::{AccessLog, CatchPanic, Chain, Compression, RequestId};
use serde_json::{Value, json};

/// The state that all requests share.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<BTreeMap<u32, String>>>);

impl Users {
    /// A handler that panics cannot leave the map half changed, so the map is still consistent after a
    /// panic.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, request: &mut Request) -> Result<Response, HttpError> {
        let body = extract::json(request)?;
        let Some(name) = body.get("name").and_then(Value::as_str) else {
            let message = "the body must be {\"name\": \"…\"}";
            return Err(HttpError::new(Status::UNPROCESSABLE_CONTENT, "bad_user", message));
        };
        let mut users = self.lock();
        let id = users.keys().last().map_or(1, |last| last + 1);
        users.insert(id, name.to_string());
        Ok(Response::json(&json!({ "id": id, "name": name })).with_status(Status::CREATED))
    }

    fn show(&self, request: &Request) -> Result<Response, HttpError> {
        let id: u32 = request.parse_param("id")?;
        let users = self.lock();
        let name = users.get(&id).ok_or_else(|| {
            HttpError::new(Status::NOT_FOUND, "no_such_user", format!("there is no user {id}"))
        })?;
        Ok(Response::json(&json!({ "id": id, "name": name })))
    }
}

fn main() -> anyhow::Result<()> {
    let users = Users::default();
    let mut router = Router::new();
    let creating = users.clone();
    router.post("/users", move |request: &mut Request| creating.create(request));
    router.get("/users/:id<u32>", move |request: &mut Request| users.show(request));

    let application = Chain::around(router.build()?)
        .with(AccessLog::new(LogFormat::Json))
        .with(RequestId::new())
        .with(Compression)
        .with(CatchPanic);
    let server = Server::bind("127.0.0.1:8080".parse()?)?;
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    server.run(application)?;
    Ok(())
}
