//! One line of a table, and how a table is written down.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::Check;
use crate::WireError;

/// Bytes, or steps, and what must come of them.
#[derive(Debug, Clone)]
pub struct Row {
    /// The table it stands in: a heading of the ladder.
    pub group: &'static str,
    /// The section that holds the rule.
    pub rfc: &'static str,
    /// The rule, in a few words: a line of the ladder.
    pub rule: &'static str,
    /// What is special about this row.
    pub name: &'static str,
    /// A route that the row needs; a server without it has nothing to show.
    pub needs: Option<&'static str>,
    /// Whether it takes all of a server's workers, so that the ladder starts a server for it alone.
    pub alone: bool,
    /// What is done.
    pub test: Test,
}

/// What is done with a server.
#[derive(Debug, Clone)]
pub enum Test {
    /// Bytes are sent, replies are read.
    Exchange {
        /// What is sent, all of it.
        bytes: Cow<'static, [u8]>,
        /// The statuses of all replies, 1xx too, in order.
        statuses: Vec<u16>,
        /// Whether the server must close after them, or must answer another request.
        closes: bool,
        /// What must be true of the last reply.
        checks: Vec<Check>,
    },
    /// Steps that a list of bytes cannot tell.
    Scenario(fn(SocketAddr) -> Result<(), WireError>),
}

/// A table that is being written, row by row under the rule stated last.
#[derive(Debug)]
pub struct Table {
    group: &'static str,
    rfc: &'static str,
    rule: &'static str,
    needs: Option<&'static str>,
    alone: bool,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table.
    pub fn new(group: &'static str) -> Table {
        Table { group, rfc: "", rule: "", needs: None, alone: false, rows: Vec::new() }
    }

    /// States the rule that the next rows are about.
    pub fn rule(&mut self, rfc: &'static str, rule: &'static str) {
        self.rfc = rfc;
        self.rule = rule;
    }

    /// The next rows are for servers that answer a GET of this path with something else than 404.
    pub fn needs(&mut self, path: &'static str) {
        self.needs = Some(path);
    }

    /// The next rows take all of a server's workers.
    pub fn alone(&mut self) {
        self.alone = true;
    }

    /// These bytes are refused with `status`, and then the server closes: whatever follows them is not
    /// read as a request.
    pub fn refused(
        &mut self,
        status: u16,
        name: &'static str,
        bytes: impl Into<Cow<'static, [u8]>>,
    ) {
        self.exchange(name, bytes.into(), vec![status], true, vec![Check::Refusal]);
    }

    /// These bytes are answered with `status`, and the connection goes on.
    pub fn answered(
        &mut self,
        status: u16,
        name: &'static str,
        bytes: impl Into<Cow<'static, [u8]>>,
        checks: impl Into<Vec<Check>>,
    ) {
        self.exchange(name, bytes.into(), vec![status], false, checks.into());
    }

    /// These bytes are answered with `status`, and then the server closes because it was asked to.
    pub fn last(
        &mut self,
        status: u16,
        name: &'static str,
        bytes: impl Into<Cow<'static, [u8]>>,
        checks: impl Into<Vec<Check>>,
    ) {
        let mut checks = checks.into();
        checks.push(Check::Lists("Connection", "close"));
        self.exchange(name, bytes.into(), vec![status], true, checks);
    }

    /// Several replies, and the connection goes on.
    pub fn sequence(
        &mut self,
        statuses: &[u16],
        name: &'static str,
        bytes: impl Into<Cow<'static, [u8]>>,
        checks: impl Into<Vec<Check>>,
    ) {
        self.exchange(name, bytes.into(), statuses.to_vec(), false, checks.into());
    }

    /// Steps that a list of bytes cannot tell.
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
        bytes: Cow<'static, [u8]>,
        statuses: Vec<u16>,
        closes: bool,
        checks: Vec<Check>,
    ) {
        self.push(name, Test::Exchange { bytes, statuses, closes, checks });
    }

    fn push(&mut self, name: &'static str, test: Test) {
        let Table { group, rfc, rule, needs, alone, .. } = *self;
        self.rows.push(Row { group, rfc, rule, name, needs, alone, test });
    }
}
