//! The settings of the allocator that matter here: large blocks go back to the system when they are freed.
//!
//! glibc maps blocks of 128 KiB and more from the kernel, one by one, and unmaps them when they are freed. But it learns:
//! when such a block is freed, the next ones of that size, up to 32 MiB, come from an arena, a heap that is kept. An arena
//! shrinks only at its end, so freed bodies stay resident in between (mallopt(3), `M_MMAP_THRESHOLD`). A threshold that is
//! set does not move.
//!
//! It is set to 256 KiB. To map a block, have the kernel clear its pages and unmap it again takes three times as long as to
//! take it from an arena, so the many responses of a hundred kilobytes should not pay for that. They would in another way:
//! once a threshold is set, an arena also gives back all but 128 KiB at its end whenever something there is freed
//! (`M_TRIM_THRESHOLD`). So each may keep 2 MiB.

/// Blocks of so many bytes and more go back to the system when they are freed.
pub const LARGE_BLOCK: usize = 256 * 1024;

/// The settings as glibc reads them, when a program starts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TUNABLES: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=2097152");

/// Set in the program that has been executed once more. It is not enough to look for `GLIBC_TUNABLES`: a program with
/// capabilities of its file (setcap(8)) is run in secure-execution mode (ld.so(8)), and there the loader may remove it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const EXECUTED: &str = "ALLOCATOR_SETTINGS_TRIED";

/// Sets both thresholds. Only the environment can do that without unsafe code, and glibc reads it before `main`: so the
/// program is executed once more, in the same process, with the variable set. If an operator has set the variable,
/// nothing happens; and if the system does not allow it, the program goes on as it is.
///
/// It must be the first thing that `main` does: what the program has read from a pipe by then would be lost.
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
    // `ld.so PROGRAM` runs the program, but the executable is the loader.
    let is_loader =
        program.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld-"));
    let mut arguments = std::env::args_os();
    if let (false, Some(own_name)) = (is_loader, arguments.next()) {
        let mut command = Command::new(program);
        command.arg0(own_name).args(arguments).env(name, value).env(EXECUTED, "1");
        // It returns only when it has failed. By then it has taken back that this program ignores SIGPIPE, so a client
        // that closes its connection early would end the server.
        let _error = command.exec();
        let _ =
            signal_hook::flag::register(signal_hook::consts::SIGPIPE, std::sync::Arc::default());
    }
}

/// Other systems have other allocators.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_no_large_blocks() {}
