//! The rules of a commit message.

/// The maximum length of a subject that `git log --oneline` and an email show completely.
const LONGEST: usize = 72;

/// Prefixes of commits that `git rebase --autosquash` squashes into another.
pub(super) const UNFINISHED: [&str; 3] = ["fixup!", "squash!", "amend!"];

/// Git cuts the message off at this line.
pub(super) const SCISSORS: &str = "# ------------------------ >8 ------------------------";

/// The message as git would store it: without comments, and nothing below the scissors.
pub(super) fn cleaned(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != SCISSORS);
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    cleaned_of_spaces(&lines.join("\n"))
}

/// The message without spaces at the ends of its lines and empty lines around it.
pub(super) fn cleaned_of_spaces(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_string()
}

/// The problems of a message, one sentence each.
pub(super) fn problems(message: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut lines = message.lines();
    let subject = lines.next().unwrap_or_default().trim();
    let length = subject.chars().count();
    if subject.is_empty() {
        problems.push("the subject is empty: say in one line what is different now".to_string());
        return problems;
    }
    if length > LONGEST {
        problems.push(format!("the subject has {length} characters; {LONGEST} fit into one line"));
    }
    if subject.ends_with('.') {
        problems.push("the subject ends in a period; it is a title".to_string());
    }
    let first = subject.split([' ', ':']).next().unwrap_or_default().to_lowercase();
    if first == "wip" || UNFINISHED.contains(&first.as_str()) {
        problems.push(format!("`{first}` says that it is not finished: squash or reword it"));
    }
    let second = lines.next();
    if second.is_some_and(|line| !line.is_empty()) {
        problems.push("the second line is not empty; the text begins below it".to_string());
    }
    let is_text = |line: &&str| !line.is_empty() && !is_signature(line);
    if second.into_iter().chain(lines).find(is_text).is_none() {
        problems.push(
            "it has no text: the diff shows what has changed, and only the text can say why, and how the \
             mistake was seen"
                .to_string(),
        );
    }
    problems
}

/// Whether a line is a trailer such as `Signed-off-by: …`, which does not describe the change.
fn is_signature(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(name, _)| name.ends_with("-by") && !name.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_sentence() {
        let body = "\n\nIt was wrong.";
        for (message, told) in [
            (String::new(), "the subject is empty"),
            (format!("{}{body}", "x".repeat(73)), "the subject has 73 characters; 72 fit"),
            (format!("Fix it.{body}"), "ends in a period"),
            (format!("wip: routes{body}"), "`wip` says that it is not finished"),
            (format!("WIP{body}"), "`wip` says that it is not finished"),
            (format!("fixup! Fix it{body}"), "`fixup!` says"),
            (format!("squash! Fix it{body}"), "`squash!` says"),
            ("Fix it\nIt was wrong.".to_string(), "the second line is not empty"),
            ("Fix it".to_string(), "it has no text: the diff shows what"),
            ("Fix it\n\nSigned-off-by: A <a@example.org>".to_string(), "it has no text"),
        ] {
            let problems = problems(&message);
            assert_eq!(problems.len(), 1, "{message}: {problems:?}");
            assert!(problems[0].contains(told), "{message}: {problems:?}");
        }
        for good in [
            "Cookies: keep the others\n\nOne hid them all.",
            "Wipe the slate\n\nIt was full.",
            &format!("{}{body}", "é".repeat(72)),
        ] {
            assert_eq!(problems(good), [""; 0], "{good}");
        }
    }
}
