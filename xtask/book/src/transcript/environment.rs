//! The environment of the programs in a transcript, which is the same on every machine.

use std::ffi::OsString;
use std::path::Path;

/// Prefixes of the variables that are kept. They configure cargo and its toolchain, and without them cargo would build
/// again.
const KEPT_VARIABLES: [&str; 5] = ["PATH", "CARGO", "RUSTC", "RUSTFLAGS", "RUSTUP_"];

/// Variables with fixed values. No transcript depends on the time zone.
const SET: [(&str, &str); 6] = [
    ("LC_ALL", "C.UTF-8"),
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("RUST_BACKTRACE", "0"),
    // These variables decide what cargo compiles and whether it waits for another cargo, and they differ between
    // machines.
    ("CARGO_TERM_QUIET", "true"),
    ("PYTHONUNBUFFERED", "1"),
];

/// The variables of this process that are kept. `home` is an empty directory, without a `.curlrc`.
pub(super) fn clean(
    ours: impl IntoIterator<Item = (OsString, OsString)>,
    home: &Path,
    temporary: &Path,
) -> Vec<(OsString, OsString)> {
    let ours: Vec<_> = ours.into_iter().collect();
    let is_kept = |name: &OsString| {
        let name = name.to_string_lossy();
        KEPT_VARIABLES.iter().any(|kept| name.starts_with(kept)) && !name.starts_with("CARGO_TERM_")
    };
    let mut clean: Vec<_> = ours.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
    // By default cargo and rustup use directories in the home directory.
    if let Some((_, real)) = ours.iter().find(|(name, _)| name == "HOME") {
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let folder = Path::new(real).join(folder);
            if clean.iter().all(|(known, _)| known != name) && folder.is_dir() {
                clean.push((name.into(), folder.into()));
            }
        }
    }
    clean.extend(SET.map(|(name, value)| (name.into(), value.into())));
    clean.push(("HOME".into(), home.into()));
    clean.push(("TMPDIR".into(), temporary.into()));
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(ours: &[(&str, &str)]) -> Vec<String> {
        let ours = ours.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        clean(ours, Path::new("/empty"), Path::new("/tmp/1"))
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect()
    }

    #[test]
    fn nothing_of_ours_gets_in_that_would_change_an_output() {
        let fresh = cleaned(&[]);
        let unwanted = "http_proxy HTTPS_PROXY all_proxy No_Proxy HTTP_MAX_BODY HTTP_ADDR CURL_HOME XDG_CONFIG_HOME LANG \
            LC_MESSAGES TZ RUST_LOG PYTHONSTARTUP BASH_ENV CARGO_TERM_COLOR";
        for name in unwanted.split(' ') {
            assert_eq!(cleaned(&[(name, "x")]), fresh, "{name}");
        }
        assert!(fresh.contains(&"HOME=/empty".to_string()), "{fresh:?}");
        assert!(fresh.contains(&"LC_ALL=C.UTF-8".to_string()), "{fresh:?}");
    }

    #[test]
    fn cargo_and_its_folders_are_still_found() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".cargo")).unwrap();
        let real = home.path().to_str().unwrap();
        let found = cleaned(&[("HOME", real), ("PATH", "/bin"), ("CARGO_TARGET_DIR", "/t")]);
        assert!(found.contains(&format!("CARGO_HOME={real}/.cargo")), "{found:?}");
        assert!(!found.iter().any(|it| it.starts_with("RUSTUP_HOME")), "{found:?}");
        assert!(found.contains(&"PATH=/bin".to_string()), "{found:?}");
        let found = cleaned(&[("HOME", real), ("CARGO_HOME", "/c")]);
        assert!(found.contains(&"CARGO_HOME=/c".to_string()) && found.len() == 9, "{found:?}");
    }
}
