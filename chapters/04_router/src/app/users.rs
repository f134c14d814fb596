//! A collection of users in memory, as JSON: create, read, update and delete.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::http::{
    Handler, HeaderValue, HttpError, IntoResponse, Request, Response, Router, Status, extract,
    header,
};

/// The maximum number of users. Without a limit, clients could exhaust the memory.
const MAX_USERS: usize = 10_000;

/// The maximum number of characters in a name.
const MAX_NAME: usize = 100;

/// The collection of users. All workers share it, and the mutex gives access to one at a time.
#[derive(Debug, Default)]
struct Users {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u32,
    names: BTreeMap<u32, String>,
}

/// Adds the routes of the collection.
pub(super) fn routes(router: &mut Router) {
    let users = Arc::new(Users::default());
    router.group("/users", |group| {
        group.get("", users.handler(Users::list));
        group.post("", users.handler(Users::create));
        group.get("/:id<u32>", users.handler(Users::show)).name("user");
        group.put("/:id<u32>", users.handler(Users::change));
        group.delete("/:id<u32>", users.handler(Users::delete));
    });
}

type HandlerResult = Result<Response, HttpError>;

impl Users {
    /// Turns one of the methods below into a handler.
    fn handler<R>(self: &Arc<Self>, respond: fn(&Users, &mut Request) -> R) -> impl Handler + use<R>
    where
        R: IntoResponse + 'static,
    {
        let users = Arc::clone(self);
        move |request: &mut Request| respond(&users, request)
    }

    fn list(&self, _: &mut Request) -> Response {
        let table = self.lock();
        let users = table.names.iter().map(|(id, name)| to_json(*id, name));
        Response::json(&Value::Array(users.collect()))
    }

    fn create(&self, request: &mut Request) -> HandlerResult {
        let name = name_in(request)?;
        let mut table = self.lock();
        if table.names.len() >= MAX_USERS {
            let message = format!("there are {MAX_USERS} users already; delete one first");
            return Err(HttpError::new(Status::INSUFFICIENT_STORAGE, "full", message));
        }
        // An id is never reused, because a client could otherwise find another user at an old URL.
        table.last_id += 1;
        let id = table.last_id;
        let response = Response::json(&to_json(id, &name)).with_status(Status::CREATED);
        table.names.insert(id, name);
        drop(table);
        let url = request.url_for("user", &[("id", &id.to_string())])?;
        match HeaderValue::try_from(url) {
            Ok(url) => Ok(response.with_header(header::LOCATION, url)),
            Err(_) => Ok(response), // unreachable: a path is percent-encoded
        }
    }

    fn show(&self, request: &mut Request) -> HandlerResult {
        let id = request.parse_param("id")?;
        let table = self.lock();
        let name = table.names.get(&id).ok_or_else(|| absent(id))?;
        Ok(Response::json(&to_json(id, name)))
    }

    fn change(&self, request: &mut Request) -> HandlerResult {
        let id = request.parse_param("id")?;
        let new_name = name_in(request)?;
        let mut table = self.lock();
        let name = table.names.get_mut(&id).ok_or_else(|| absent(id))?;
        *name = new_name;
        Ok(Response::json(&to_json(id, name)))
    }

    fn delete(&self, request: &mut Request) -> Result<Status, HttpError> {
        let id = request.parse_param("id")?;
        self.lock().names.remove(&id).ok_or_else(|| absent(id))?;
        Ok(Status::NO_CONTENT)
    }

    /// Locks the table. A handler that panics while it holds the lock poisons the mutex, but the
    /// table is still consistent, because every change is a single step.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_json(id: u32, name: &str) -> Value {
    json!({ "id": id, "name": name })
}

/// Returns the name in a body such as `{"name": "Ada"}`. Other JSON is 422: well-formed, but
/// invalid (RFC 9110 section 15.5.21).
fn name_in(request: &mut Request) -> Result<String, HttpError> {
    let body = extract::json(request)?;
    let name = match body.as_object() {
        Some(fields) if fields.len() == 1 => fields.get("name").and_then(Value::as_str),
        _ => None,
    };
    name.filter(|name| (1..=MAX_NAME).contains(&name.chars().count()))
        .map(str::to_string)
        .ok_or_else(|| {
            let message = format!(
                "the body must be {{\"name\": \"…\"}} with 1 to {MAX_NAME} characters in it"
            );
            HttpError::new(Status::UNPROCESSABLE_CONTENT, "bad_user", message)
        })
}

fn absent(id: u32) -> HttpError {
    HttpError::new(Status::NOT_FOUND, "no_such_user", format!("there is no user {id}"))
}
