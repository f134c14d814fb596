//! Compiles mio as on systems that have only poll(2). Only mio gets the compiler flag for that, no other crate.
//!
//! With the flag in `RUSTFLAGS`, cargo would compile all crates again. But cargo can start the compiler through another
//! program. This program is used for that, and adds the flag: only mio and the crate that uses it are compiled, which
//! takes 34 seconds of CPU time instead of 104.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::process;

/// In this form mio reports readiness as it does on Windows: once, and again only after a registration.
const FORM: [&str; 2] = ["--cfg", "mio_unsupported_force_poll_poll"];

/// Set for a compiler that compiles mio in this form.
const ASKED: &str = "XTASK_MIO_WITH_POLL";

/// The environment in which cargo starts the compiler through this program, which calls [`compile_if_asked`].
pub(super) fn environment() -> anyhow::Result<[(&'static str, OsString); 2]> {
    Ok([("RUSTC_WRAPPER", process::own_program()?.into()), (ASKED, "1".into())])
}

/// Starts the compiler if cargo has started this program for that. Otherwise returns `None`.
pub(crate) fn compile_if_asked() -> Option<anyhow::Result<ExitCode>> {
    env::var_os(ASKED)?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    Some(compile(&arguments))
}

/// Starts the compiler, which is the first argument, with the remaining arguments.
fn compile(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let [compiler, arguments @ ..] = arguments else { bail!("cargo names no compiler") };
    let mut command = Command::new(compiler);
    let status = command.args(arguments).args(form(arguments)).status();
    Ok(process::exit(status.context("the compiler cannot be started")?.success()))
}

/// The arguments to add to these.
fn form(arguments: &[OsString]) -> &'static [&'static str] {
    let is_mio = arguments.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == "mio");
    if is_mio { &FORM } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mio_gets_the_flag() {
        let form_of = |name: &str| form(&["--crate-name", name, "lib.rs"].map(OsString::from));
        assert_eq!(form_of("mio"), FORM);
        assert_eq!(form_of("httpserver"), [""; 0]);
        assert_eq!(form(&["-vV".into()]), [""; 0]);
    }
}
