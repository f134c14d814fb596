//! Raw HTTP over TCP, for tests.
