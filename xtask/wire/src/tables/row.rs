//! One row of a table, and the builder of a table.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use super::refusal;
use crate::{Reply, WireError};

/// Bytes or steps, and the required result.
#[derive(Clone)]
pub struct Row {
    /// The table that contains it: a heading of the ladder.
    pub group: &'static str,
    /// The section that holds the rule.
    pub rfc: &'static str,
    /// The rule, in a few words: a line of the ladder.
    pub rule: &'static str,
    /// The case that this row tests.
    pub name: &'static str,
    /// A route that the row needs. A server without it skips the row.
    pub needs: Option<&'static str>,
    /// Whether the row uses all of a server's workers, so that the ladder starts a server only for this row.
    pub alone: bool,
    /// The test.
    pub test: Test,
}

/// The action of a row.
#[derive(Clone)]
pub enum Test {
    /// Bytes are sent, replies are read.
    Exchange {
        /// All bytes to be sent.
        bytes: Bytes,
        /// The statuses of all replies, 1xx too, in order.
        statuses: Vec<u16>,
        /// Whether the server must close after them. Otherwise it must respond to another request.
        closes: bool,
        /// The requirements for the last reply.
        checks: Vec<Check>,
    },
    /// Steps that a list of bytes cannot express.
    Scenario(fn(SocketAddr) -> Result<(), WireError>),
}

/// A requirement for a reply. Returns the problem, if there is one.
pub type Check = Arc<dyn Fn(&Reply) -> Option<String> + Send + Sync>;

/// The bytes of a row: a literal, or made by a function.
type Bytes = Cow<'static, [u8]>;

/// A table that is being written, row by row under the rule stated last.
pub struct Table {
    /// The fields that the next row has in common with the others.
    next: Row,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table.
    pub fn new(group: &'static str) -> Table {
        let test = Test::Scenario(|_| Ok(()));
        let next = Row { group, rfc: "", rule: "", name: "", needs: None, alone: false, test };
        Table { next, rows: Vec::new() }
    }

    /// States the rule for the next rows.
    pub fn rule(&mut self, rfc: &'static str, rule: &'static str) {
        (self.next.rfc, self.next.rule) = (rfc, rule);
    }

    /// Makes the next rows apply only to servers that respond to a GET of this path with a status other than 404.
    pub fn needs(&mut self, path: &'static str) {
        self.next.needs = Some(path);
    }

    /// States that the next rows use all of a server's workers.
    pub fn alone(&mut self) {
        self.next.alone = true;
    }

    /// The server rejects these bytes with `status` and then closes: later bytes are not parsed as a
    /// request.
    pub fn refused(&mut self, status: u16, name: &'static str, bytes: impl Into<Bytes>) {
        self.exchange(name, bytes, &[status], true).with(refusal::problem);
    }

    /// The server responds to these bytes with `status`, and the connection stays open.
    pub fn answered(
        &mut self,
        status: u16,
        name: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Checks<'_> {
        self.exchange(name, bytes, &[status], false)
    }

    /// The server responds to these bytes with `status` and then closes, as the request demands.
    pub fn last(&mut self, status: u16, name: &'static str, bytes: impl Into<Bytes>) -> Checks<'_> {
        self.exchange(name, bytes, &[status], true).lists("Connection", "close")
    }

    /// The server sends several replies, and then the connection stays open.
    pub fn sequence(
        &mut self,
        statuses: &[u16],
        name: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Checks<'_> {
        self.exchange(name, bytes, statuses, false)
    }

    /// Steps that a list of bytes cannot express.
    pub fn scenario(&mut self, name: &'static str, steps: fn(SocketAddr) -> Result<(), WireError>) {
        self.push(name, Test::Scenario(steps));
    }

    /// The finished table.
    pub fn rows(self) -> Vec<Row> {
        self.rows
    }

    fn exchange(
        &mut self,
        name: &'static str,
        bytes: impl Into<Bytes>,
        statuses: &[u16],
        closes: bool,
    ) -> Checks<'_> {
        let (bytes, statuses) = (bytes.into(), statuses.to_vec());
        let at = self.rows.len();
        self.push(name, Test::Exchange { bytes, statuses, closes, checks: Vec::new() });
        Checks(&mut self.rows[at])
    }

    fn push(&mut self, name: &'static str, test: Test) {
        self.rows.push(Row { name, test, ..self.next.clone() });
    }
}

/// The requirements for the last reply of the row written last.
pub struct Checks<'a>(&'a mut Row);

impl Checks<'_> {
    /// The body consists of exactly these bytes.
    pub fn body(self, body: &'static [u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        self.with(move |reply| (reply.body != body).then(|| format!("the body must be {text:?}")))
    }

    /// The field occurs once, with exactly this value.
    pub fn field(self, name: &'static str, value: &'static str) -> Self {
        self.with(move |reply| {
            let values: Vec<_> = reply.fields(name).collect();
            (values != [value]).then(|| format!("{name} must be {value:?}, is {values:?}"))
        })
    }

    /// The list field has this element.
    pub fn lists(self, name: &'static str, element: &'static str) -> Self {
        self.with(move |reply| {
            let found = reply.field(name);
            let problem = || format!("{name} must have the element {element}, is {found:?}");
            (!reply.lists(name, element)).then(problem)
        })
    }

    /// The field `Allow` lists each of these methods.
    pub fn allows(self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        methods.into_iter().fold(self, |checks, method| checks.lists("Allow", method))
    }

    /// The field is absent.
    pub fn no_field(self, name: &'static str) -> Self {
        self.with(move |reply| {
            reply.field(name).map(|value| format!("{name} must be absent, is {value:?}"))
        })
    }

    /// The JSON body has this value at this JSON pointer, for example in a response from `/inspect`.
    pub fn json(self, pointer: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.with(move |reply| match reply.json().as_ref().map(|it| it.pointer(pointer)) {
            Err(error) => Some(error.message().to_string()),
            Ok(found) if found == Some(&value) => None,
            Ok(found) => Some(format!("{pointer} must be {value}, is {found:?}")),
        })
    }

    fn with(self, check: impl Fn(&Reply) -> Option<String> + Send + Sync + 'static) -> Self {
        if let Test::Exchange { checks, .. } = &mut self.0.test {
            checks.push(Arc::new(check));
        }
        self
    }
}
