//! The rules of HTTP/1.1 as tables: bytes, and the required response.
//!
//! A table is a list of rows under rules, a rule has its section of an RFC, and [`check()`] sends each row
//! to a running server in several ways. The rows use only the routes that every chapter has from the
//! parser on (`/`, `/inspect`, `/echo`), so the same tables serve them all:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let program = wire::Program::start("target/debug/ch03_parser", &["127.0.0.1:0"])?;
//! wire::tables::check(program.addr(), &wire::tables::smuggling::rows())?;
//! # Ok(())
//! # }
//! ```

pub mod chunks;
pub mod framing;
pub mod heads;
pub mod limits;
pub mod load;
pub mod responses;
pub mod routes;
pub mod smuggling;
pub mod targets;

mod refusal;
mod requests;
mod row;
mod run;
mod way;

pub use row::{Check, Checks, Row, Table, Test};
pub use run::{SIDE_BY_SIDE, check, problem};

/// All tables that every chapter passes as far as it has their routes.
pub fn all() -> Vec<Row> {
    [
        heads::rows(),
        targets::rows(),
        smuggling::rows(),
        chunks::rows(),
        framing::rows(),
        limits::rows(),
        responses::rows(),
        routes::rows(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_can_be_told_from_the_others() {
        let rows = [all(), load::rows()].concat();
        let names: HashSet<_> = rows.iter().map(|row| (row.rule, row.name)).collect();
        assert_eq!(names.len(), rows.len());
        assert!(rows.iter().all(|row| row.rfc.starts_with("RFC ")), "a rule without its section");
    }
}
