//! Allocator settings that return large blocks to the OS when they are freed.
//!
//! glibc maps blocks of 128 KiB and more from the kernel, and unmaps them when they are freed. But
//! the threshold is dynamic: after such a block of up to 32 MiB has been freed, new blocks up to
//! its size are allocated in an arena. An arena shrinks only at its end, so freed bodies stay
//! resident (mallopt(3), `M_MMAP_THRESHOLD`). A threshold that is set explicitly does not change.
//!
//! The threshold is set to 256 KiB and not lower, because mapping and unmapping a block takes three
//! times as long as allocating it in an arena, and responses of a hundred kilobytes are frequent. A
//! fixed threshold also makes an arena return all but 128 KiB at its end whenever a block there is
//! freed (`M_TRIM_THRESHOLD`), so this second threshold is set to 2 MiB.

/// The minimum size in bytes of a block that returns to the OS when it is freed.
pub const LARGE_BLOCK: usize = 256 * 1024;

/// The environment variable that glibc reads when a program starts, and its value: [`LARGE_BLOCK`]
/// as the first threshold, and 2 MiB as the second.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TUNABLES: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=2097152");

/// The environment variable that marks the program as executed a second time. A check for
/// `GLIBC_TUNABLES` is not enough: a program with file capabilities (setcap(8)) runs in
/// secure-execution mode (ld.so(8)), in which the loader may remove that variable.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const EXECUTED: &str = "ALLOCATOR_SETTINGS_TRIED";

/// Sets both thresholds. Without unsafe code, only an environment variable can set them, and glibc
/// reads it before `main`. So this function sets the variable and executes the program again in the
/// same process (execve(2)). It does nothing if the variable is already set. If execve fails, the
/// function returns and glibc's defaults apply.
///
/// `main` must call this function first, because execve discards any input that the program has
/// already buffered.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_no_large_blocks() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let (name, value) = TUNABLES;
    if std::env::var_os(name).is_some_and(|set| !set.is_empty())
        || std::env::var_os(EXECUTED).is_some()
    {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // With `ld.so PROGRAM` the executable of the process is the loader, not the program.
    let is_loader =
        program.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld-"));
    let mut arguments = std::env::args_os();
    if let (false, Some(own_name)) = (is_loader, arguments.next()) {
        let mut command = Command::new(program);
        command.arg0(own_name).args(arguments).env(name, value).env(EXECUTED, "1");
        // `exec` only returns when it has failed. Before that, the standard library has restored
        // the default action of SIGPIPE, so a client that closes its connection early would end the
        // server.
        let _error = command.exec();
        let _ =
            signal_hook::flag::register(signal_hook::consts::SIGPIPE, std::sync::Arc::default());
    }
}

/// Does nothing, because other systems have other allocators.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_no_large_blocks() {}
