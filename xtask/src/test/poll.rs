//! mio in its form for systems that have only poll(2): the compiler gets the flag for mio, and for no other crate.
//!
//! With the flag in `RUSTFLAGS`, cargo compiles all crates again. It lets another program start the compiler, so this one
//! does, and adds the flag: then only mio and the crate that uses it are compiled, and the part takes 34 seconds of the
//! processor instead of 104.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

/// mio reports readiness in this form as it does on Windows: once, and again only after a registration.
const FORM: [&str; 2] = ["--cfg", "mio_unsupported_force_poll_poll"];

/// Set for a compiler that compiles mio in this form.
const ASKED: &str = "XTASK_MIO_WITH_POLL";

/// The environment with which cargo starts the compiler by way of `program`, which calls [`compile_if_asked`].
pub(super) fn environment(program: &Path) -> [(&'static str, String); 2] {
    [("RUSTC_WRAPPER", program.display().to_string()), (ASKED, "1".to_string())]
}

/// Starts the compiler, if cargo has started this program to do so. `None` otherwise.
pub(crate) fn compile_if_asked() -> Option<anyhow::Result<ExitCode>> {
    env::var_os(ASKED)?;
    Some(compile(env::args_os().skip(1).collect()))
}

/// Starts the compiler: the first of the arguments, with the others.
fn compile(arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut arguments = arguments.into_iter();
    let mut compiler = Command::new(arguments.next().context("cargo names no compiler")?);
    let arguments: Vec<OsString> = arguments.collect();
    compiler.args(&arguments).args(form(&arguments));
    let status = compiler.status().context("the compiler cannot be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The arguments that are added to these.
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
