//! A server's CPU time and memory, from Linux's `/proc`.

use std::fs;

/// The unit of times in `/proc` (`USER_HZ`), on all architectures but Alpha.
const TICKS_PER_SECOND: f64 = 100.0;

/// The usage of a process and its children: the workers of nginx are child processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Seconds of CPU time since the start, user and system time together.
    pub cpu: f64,
    /// Peak memory in KiB, the sum over the processes.
    pub memory: f64,
}

impl Usage {
    /// `None` where there is no `/proc`, or no such process.
    pub(crate) fn of(pid: u32) -> Option<Usage> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        let mut usage = Usage {
            cpu: ticks(&read("stat")?)? / TICKS_PER_SECOND,
            memory: peak(&read("status")?)?,
        };
        let children = read(&format!("task/{pid}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            if let Some(of_child) = Usage::of(child) {
                usage.cpu += of_child.cpu;
                usage.memory += of_child.memory;
            }
        }
        Some(usage)
    }
}

/// User and system time, fields 14 and 15 of `stat`. Field 2 is the program's name in parentheses, which
/// may contain spaces and parentheses itself.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

/// `VmHWM:     1234 kB` in `status`.
fn peak(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Raises the limit of open files: 10,000 idle connections need 10,000 file descriptors here and in the server, which
/// inherits our limit.
pub(crate) fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // If this fails, the scenario reports the connections that it could not open.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_after_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 3 4 20 0 1 0 100 5000 300";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_usage_can_be_read() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.memory > 100.0, "{usage:?}");
    }
}
