//! Whether programs are running or waiting, by `/proc` on Linux (`proc_pid_stat(5)`).

use std::fs;
use std::path::Path;

/// Whether a thread of these process groups is runnable. On a busy machine it may not have run yet.
pub(super) fn are_at_work(groups: &[u32]) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().map(|entry| entry.path()).any(|process| {
        group(&process).is_some_and(|group| groups.contains(&group)) && has_work(&process)
    })
}

fn has_work(process: &Path) -> bool {
    let Ok(threads) = fs::read_dir(process.join("task")) else { return false };
    threads
        .flatten()
        .any(|thread| fields(&thread.path()).is_some_and(|fields| fields.starts_with(['R', 'D'])))
}

fn group(process: &Path) -> Option<u32> {
    fields(process)?.split(' ').nth(2)?.parse().ok()
}

/// The fields from the state on. The name before them is in parentheses and may contain any character.
fn fields(folder: &Path) -> Option<String> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, fields)| fields.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    fn work(script: &str) -> bool {
        let mut child = Command::new("bash").args(["-c", script]).process_group(0).spawn().unwrap();
        // The program starts in any case. The test is whether it becomes idle.
        let at_work = (0..500).all(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            are_at_work(&[child.id()])
        });
        child.kill().unwrap();
        child.wait().unwrap();
        at_work
    }

    #[test]
    fn what_waits_is_at_rest() {
        assert!(!work("exec sleep 60"));
    }

    #[test]
    fn no_group_is_at_rest() {
        assert!(!are_at_work(&[]));
        assert!(are_at_work(&[group(Path::new("/proc/self")).unwrap()]), "this test itself runs");
    }
}
