//! Rules of HTTP/1.1 as tables.
