//! The settings of each run of git.

/// Settings with which a person's git would print or do something else than we expect, at their defaults.
pub(super) const SETTINGS: [&str; 24] = [
    "apply.ignoreWhitespace=no",
    "apply.whitespace=nowarn",
    "color.ui=false",
    "commit.gpgSign=false",
    "core.abbrev=auto",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.safecrlf=false",
    "diff.algorithm=myers",
    "diff.context=3",
    "diff.interHunkContext=0",
    "diff.noprefix=false",
    "diff.orderFile=/dev/null",
    "diff.relative=false",
    "diff.suppressBlankEmpty=false",
    "i18n.logOutputEncoding=UTF-8",
    "init.defaultObjectFormat=sha1",
    "log.follow=false",
    "log.showSignature=false",
    // The author of our commits; the reader may have told git no name.
    "user.email=xtask@localhost",
    "user.name=cargo xtask",
];

#[cfg(test)]
mod tests {
    use crate::git::Git;
    use crate::workspace::tests::folder_with;

    /// The settings are also those of a repository, which no variable takes away.
    #[test]
    fn a_person_s_settings_change_nothing() {
        let folder = folder_with(&[("f", "1\n2\n3\n4\n5\n6\n7\n8\n")]);
        let git = Git::at(folder.path());
        git.run(&["init", "-q"]).unwrap();
        git.run(&["add", "-A"]).unwrap();
        std::fs::write(folder.path().join("f"), "1\n2\n3\n4\nfive\n6\n7\n8\n").unwrap();
        let diff = ["diff", "--no-ext-diff"];
        let before = git.run(&diff).unwrap();
        for (name, value) in [
            ("diff.context", "0"),
            ("diff.noprefix", "true"),
            ("diff.orderFile", "/no/such/file"),
            ("color.ui", "always"),
            ("core.abbrev", "40"),
            ("core.autocrlf", "true"),
            ("core.hooksPath", "."),
            ("commit.gpgSign", "true"),
            ("gpg.program", "false"),
        ] {
            git.run(&["config", name, value]).unwrap();
        }
        let hook = folder.path().join("pre-commit");
        std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(git.run(&diff).unwrap(), before);
        git.run(&["commit", "-q", "-a", "-m", "a step"]).unwrap();
    }
}
