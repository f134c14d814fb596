//! Settings of the allocator: large blocks go back to the OS when they are freed.
//!
//! glibc maps blocks of 128 KiB and more from the kernel, and unmaps them when they are freed. But the threshold is dynamic:
//! when such a block is freed, blocks of that size, up to 32 MiB, come from an arena from then on. An arena shrinks only at
//! its end, so freed bodies stay resident (mallopt(3), `M_MMAP_THRESHOLD`). A threshold that is set explicitly is fixed.
//!
//! It is set to 256 KiB and not lower, because mapping and unmapping a block takes three times as long as an arena does, and
//! responses of a hundred kilobytes are frequent. A fixed threshold also makes an arena return all but 128 KiB at its end
//! whenever a block there is freed (`M_TRIM_THRESHOLD`). So that one is set to 2 MiB.

/// Blocks of at least this many bytes go back to the OS when they are freed.
pub const LARGE_BLOCK: usize = 256 * 1024;

/// The settings as glibc reads them, when a program starts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TUNABLES: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=2097152");

/// Set in the program that has been executed once more. It is not enough to look for `GLIBC_TUNABLES`: a program with
/// capabilities of its file (setcap(8)) is run in secure-execution mode (ld.so(8)), and there the loader may remove it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const EXECUTED: &str = "ALLOCATOR_SETTINGS_TRIED";

/// Sets both thresholds. Without unsafe code only an environment variable can do that, and glibc reads it before
/// `main`. So this function sets the variable and executes the program again in the same process (execve(2)). It does
/// nothing if the variable is set already. If execve fails, the function returns and glibc's defaults apply.
///
/// `main` must call it first, because execve discards any input that the program has already buffered.
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
