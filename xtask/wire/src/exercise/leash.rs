//! The checks end when the one who started them does, however that happens: Ctrl-C, a closed terminal, a kill.
//!
//! They and the server that they have started are a process group of their own, so that both can be killed together.
//! But a terminal's Ctrl-C goes to another group, that of `cargo xtask`. What reaches us even if that is killed with
//! no time for a last word is the end of a pipe: nobody holds its other end any more.

use std::env;
use std::io;
use std::thread::Builder;

/// The environment's name for: standard input is such a pipe, and this process is in a group of its own, with nobody
/// who must live on. Without it the input means nothing.
pub const ENDS_WITH_INPUT: &str = "EXERCISE_ENDS_WITH_INPUT";

/// Kills the group of this process once its input ends, if it has been told to.
pub(super) fn put_on() -> io::Result<()> {
    if env::var_os(ENDS_WITH_INPUT).is_none() {
        return Ok(());
    }
    let wait = || {
        // Nothing is ever written. An error is an end as well.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        end();
    };
    Builder::new().name("leash".to_string()).spawn(wait).map(drop)
}

#[cfg(unix)]
fn end() {
    use rustix::process::{Signal, kill_current_process_group};
    let _ = kill_current_process_group(Signal::KILL);
}

/// Here Ctrl-C reaches all processes of the console by itself.
#[cfg(not(unix))]
fn end() {}
