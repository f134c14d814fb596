//! A collection of users in memory, as JSON: create, read, update and delete.
//!
//! A client can send the version that its change is based on (`If-Match`). If there is a newer
//! version, the write is rejected with 412, and the client has to read the resource again. This is
//! optimistic locking.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::http::conditional::{self, Evaluation};
use crate::http::validators::{EntityTag, Validators};
use crate::http::{
    Handler, HeaderValue, HttpError, IntoResponse, Request, Response, Router, Status, date,
    extract, header,
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

#[derive(Debug)]
struct Table {
    last_id: u32,
    users: BTreeMap<u32, User>,
    /// The version of the collection, which every write increments.
    version: Revision,
}

#[derive(Debug)]
struct User {
    name: String,
    /// The version of this user, from the write that created it.
    version: Revision,
}

/// A version of a user or of the collection, with a unique number.
#[derive(Debug, Clone, Copy)]
struct Revision {
    number: u64,
    since: SystemTime,
}

/// Adds the routes of the collection.
pub(super) fn routes(router: &mut Router) {
    let users = Arc::new(Users::default());
    router.group("/users", |group| {
        group.get("", users.handler(Users::list));
        group.post("", users.handler(Users::create));
        group.get("/:id<u32>", users.handler(Users::show)).name("user");
        group.put("/:id<u32>", users.handler(Users::put));
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

    fn list(&self, request: &mut Request) -> HandlerResult {
        let table = self.lock();
        let users = || table.users.iter().map(|(id, user)| to_json(*id, &user.name)).collect();
        read(request, table.version, || Value::Array(users()))
    }

    fn create(&self, request: &mut Request) -> HandlerResult {
        let name = name_in(request, None)?;
        let mut table = self.lock();
        // An id is never reused, because a client could otherwise find another user at an old URL.
        let next_id = table.last_id.checked_add(1).filter(|_| table.has_room());
        let id = next_id.ok_or_else(full)?;
        check(request, Some(table.version))?;
        let version = table.put(id, &name);
        drop(table);
        let response = Response::json(&to_json(id, &name)).with_status(Status::CREATED);
        let response = version.describe(response);
        let url = request.url_for("user", &[("id", &id.to_string())])?;
        match HeaderValue::try_from(url) {
            Ok(url) => Ok(response.with_header(header::LOCATION, url)),
            Err(_) => Ok(response), // unreachable: a path is percent-encoded
        }
    }

    fn show(&self, request: &mut Request) -> HandlerResult {
        let id = request.parse_param("id")?;
        let table = self.lock();
        let user = table.users.get(&id).ok_or_else(|| absent(id))?;
        read(request, user.version, || to_json(id, &user.name))
    }

    /// Replaces a user, or creates one with an id chosen by the client.
    fn put(&self, request: &mut Request) -> HandlerResult {
        let id = request.parse_param("id")?;
        let name = name_in(request, Some(id))?;
        let mut table = self.lock();
        let current = table.users.get(&id).map(|user| user.version);
        if current.is_none() && !table.has_room() {
            return Err(full());
        }
        // No other thread can write between this check and the write, because both happen under the
        // same lock.
        check(request, current)?;
        let version = table.put(id, &name);
        drop(table);
        let user = to_json(id, &name);
        let status = if current.is_some() { Status::OK } else { Status::CREATED };
        let response = Response::json(&user).with_status(status);
        // A tag in this response would mean that the body was stored unchanged, byte for byte
        // (RFC 9110 section 9.3.4).
        let is_stored_as_sent = request.body().as_bytes() == user.to_string().as_bytes();
        Ok(if is_stored_as_sent { version.describe(response) } else { response })
    }

    fn delete(&self, request: &mut Request) -> Result<Status, HttpError> {
        let id = request.parse_param("id")?;
        let mut table = self.lock();
        let user = table.users.get(&id).ok_or_else(|| absent(id))?;
        check(request, Some(user.version))?;
        table.users.remove(&id);
        table.version = table.version.next();
        Ok(Status::NO_CONTENT)
    }

    /// Locks the table. A handler that panics while it holds the lock poisons the mutex, but the
    /// table is still consistent, because every change is a single step.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Table {
    fn default() -> Table {
        Table { last_id: 0, users: BTreeMap::new(), version: Revision::first() }
    }
}

impl Table {
    fn has_room(&self) -> bool {
        self.users.len() < MAX_USERS
    }

    fn put(&mut self, id: u32, name: &str) -> Revision {
        self.version = self.version.next();
        self.last_id = self.last_id.max(id);
        self.users.insert(id, User { name: name.to_string(), version: self.version });
        self.version
    }
}

impl Revision {
    /// Returns the first version. Its number is the nanoseconds since 1970, so that a tag from
    /// before a restart cannot match another version after it.
    fn first() -> Revision {
        let since = date::now();
        let age = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Revision { number: u64::try_from(age.as_nanos()).unwrap_or_default(), since }
    }

    fn next(self) -> Revision {
        Revision { number: self.number + 1, since: date::now() }
    }

    fn validators(self) -> Validators {
        let opaque = format!("{:x}", self.number).into_bytes();
        let etag = Some(EntityTag { is_weak: false, opaque });
        Validators { etag, modified: Some(self.since) }
    }

    /// Adds the validators of this version to a response. Caches may store the response, but must
    /// revalidate it.
    fn describe(self, mut response: Response) -> Response {
        self.validators().add_to(response.headers_mut());
        response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))
    }
}

/// Responds with this version, or with 304 or 412 if the conditions of the request require it.
fn read(request: &Request, version: Revision, show: impl FnOnce() -> Value) -> HandlerResult {
    let validators = version.validators();
    match conditional::evaluate(request.method(), request.headers(), Some(&validators)) {
        Evaluation::Proceed => Ok(version.describe(Response::json(&show()))),
        Evaluation::NotModified => Ok(version.describe(Response::new(Status::NOT_MODIFIED))),
        Evaluation::Failed => Err(changed()),
    }
}

/// Checks the conditions of a write. The caller must hold the lock under which the write is made.
fn check(request: &Request, current: Option<Revision>) -> Result<(), HttpError> {
    let validators = current.map(Revision::validators);
    match conditional::evaluate(request.method(), request.headers(), validators.as_ref()) {
        Evaluation::Proceed => Ok(()),
        Evaluation::NotModified | Evaluation::Failed => Err(changed()),
    }
}

fn to_json(id: u32, name: &str) -> Value {
    json!({ "id": id, "name": name })
}

/// Returns the name in a body such as `{"name": "Ada"}`. The body may also contain the user's own
/// `id`, so that a client can send back the JSON it has read. Other JSON is 422: well-formed, but
/// invalid (RFC 9110 section 15.5.21).
fn name_in(request: &mut Request, own_id: Option<u32>) -> Result<String, HttpError> {
    let body = extract::json(request)?;
    let name = body.as_object().and_then(|fields| {
        let has_own_id = own_id.is_some() && fields.get("id") == own_id.map(Value::from).as_ref();
        let name = fields.get("name")?.as_str()?;
        (fields.len() == 1 + usize::from(has_own_id)).then_some(name)
    });
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

fn full() -> HttpError {
    let message = format!("there are {MAX_USERS} users already, or no id is left");
    HttpError::new(Status::INSUFFICIENT_STORAGE, "full", message)
}

fn changed() -> HttpError {
    let message = "the condition of the request does not hold; read the current version first";
    HttpError::new(Status::PRECONDITION_FAILED, "precondition_failed", message)
}
