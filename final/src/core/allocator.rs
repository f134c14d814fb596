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

/// Sets both thresholds. Only the environment can do that without unsafe code, and glibc reads it before `main`: so the
/// program is executed once more, in the same process, with the variable set. If the variable is set already, by an
/// operator or by this function, nothing happens; and if the system does not allow it, the program goes on as it is.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_no_large_blocks() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let (name, value) = TUNABLES;
    if std::env::var_os(name).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    if let (Ok(program), Some(own_name)) = (std::env::current_exe(), arguments.next()) {
        // It returns only when it has failed.
        let _error = Command::new(program).arg0(own_name).args(arguments).env(name, value).exec();
    }
}

/// Other systems have other allocators.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_no_large_blocks() {}
