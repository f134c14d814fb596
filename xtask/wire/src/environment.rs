//! The environment of a program that a test starts. It is the same on every machine and for every user.
//!
//! A variable can send a client through a proxy, translate the output of a program, or give the server a setting that the
//! test does not expect. Such variables are removed from the inherited environment, and the locale is set. Variables that
//! the test itself sets on the command stay.
//!
//! Everything else is inherited, because programs, their libraries and temporary directories differ between machines.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::Command;

/// Whether a variable must not reach a program under test. Upper and lower case make no difference: curl reads
/// `http_proxy`, and other programs read `HTTP_PROXY`.
fn is_unwanted(name: &str) -> bool {
    /// The settings of `final`, the locale, the variables that git sets for a hook, and the variables with which a
    /// service manager passes sockets.
    const PREFIXES: [&str; 4] = ["HTTP_", "LC_", "GIT_", "LISTEN_"];
    /// The variables that git needs: the path of its programs, and the repositories that it may trust.
    const WANTED: [&str; 2] = ["GIT_EXEC_PATH", "GIT_CONFIG"];
    const NAMES: [&str; 16] = [
        "NOTIFY_SOCKET",
        "LANG",
        "LANGUAGE",
        "RUST_LOG",
        "RUST_BACKTRACE",
        "RUST_LIB_BACKTRACE",
        "RUST_MIN_STACK",
        "CURL_HOME",
        "WGETRC",
        "SSLKEYLOGFILE",
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "LINES",
    ];
    let name = name.to_ascii_uppercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    name.ends_with("_PROXY")
        || NAMES.contains(&name.as_str())
        || (starts(&PREFIXES) && !starts(&WANTED))
}

/// A command for `program` with a clean environment. curl, wget and git do not read the user's configuration files.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let program = program.as_ref();
    let mut command = Command::new(program);
    match program.to_str() {
        // The option must be the first argument.
        Some("curl") => _ = command.arg("--disable"),
        Some("wget") => _ = command.arg("--no-config"),
        Some("git") => {
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
            command.env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG_PARAMETERS");
        }
        _ => {}
    }
    clean(&mut command);
    command
}

/// Like [`command`], for a program that a test stops with a signal: see [`with_default_signals`].
pub fn interruptible(program: impl AsRef<OsStr>) -> Command {
    let mut command = with_default_signals(program);
    clean(&mut command);
    command
}

/// A command for a program that a signal can end, like a program started in a terminal. A program that is started with
/// `nohup`, or in the background of a script, ignores SIGINT or SIGHUP, and so do its child processes. Rust cannot undo
/// that without unsafe code, but `env` of the GNU coreutils can; any other `env` fails with an error.
pub fn with_default_signals(program: impl AsRef<OsStr>) -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !ignores_signals(&status) {
        return Command::new(program);
    }
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,HUP").arg(program);
    command
}

/// Whether a process ignores SIGHUP or SIGINT, which are the signals 1 and 2, by its `/proc/PID/status`
/// (`proc_pid_status(5)`). On systems without that file, the caller assumes that it ignores none.
fn ignores_signals(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).is_some_and(|it| it & 0b11 != 0)
}

/// Removes the variables that the command must not inherit, and sets the locale. Variables that have been set on
/// the command stay.
pub fn clean(command: &mut Command) {
    let own: Vec<OsString> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    let is_own = |name: &OsStr| own.iter().any(|own| own == name);
    for (name, _) in env::vars_os() {
        if is_unwanted(&name.to_string_lossy()) && !is_own(&name) {
            command.env_remove(name);
        }
    }
    if !is_own(OsStr::new("LC_ALL")) {
        command.env("LC_ALL", "C.UTF-8");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_the_outcome_is_not_inherited() {
        let variables = "http_proxy HTTPS_PROXY no_proxy All_Proxy HTTP_LOG http_addr LANG LC_TIME \
            RUST_LOG GIT_DIR CURL_HOME LISTEN_FDS NOTIFY_SOCKET";
        for name in variables.split_whitespace() {
            assert!(is_unwanted(name), "{name}");
        }
        for name in ["PATH", "HOME", "TMPDIR", "SystemRoot", "TZ", "EXERCISE_ONLY", "CARGO_HOME"] {
            assert!(!is_unwanted(name), "{name}");
        }
    }

    #[test]
    fn a_process_knows_whether_it_was_told_to_ignore_ctrl_c() {
        let status = |ignored: &str| format!("Name:\tx\nSigBlk:\tffff\nSigIgn:\t{ignored}\n");
        assert!(ignores_signals(&status("0000000000001006")));
        assert!(ignores_signals(&status("0000000000001001")));
        assert!(!ignores_signals(&status("0000000000001004")));
        assert!(!ignores_signals(""));
    }

    #[test]
    fn what_a_test_sets_stays() {
        let mut command = Command::new("x");
        command.env("HTTP_LOG", "json").env("LC_ALL", "C").env_remove("TZ");
        clean(&mut command);
        let value = |wanted: &str| {
            let found = command.get_envs().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.map(|value| value.to_string_lossy().into_owned()))
        };
        assert_eq!(value("HTTP_LOG"), Some(Some("json".to_string())));
        assert_eq!(value("LC_ALL"), Some(Some("C".to_string())));
        assert_eq!(value("TZ"), Some(None));
    }
}
