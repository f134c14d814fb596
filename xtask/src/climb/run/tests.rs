use std::fs;

use super::*;

#[test]
fn the_step_that_passes_the_stage_is_named() {
    let (all, _) = steps::all(&Workspace::find().unwrap()).unwrap();
    let stages = stages();
    let step = course::find(&all, "01_accept").unwrap();
    let said = on_purpose(&all, step, &stages[0]);
    assert_eq!(said, "01_accept fails this stage on purpose; 03_loop passes it.\n");
    let last = course::find(&all, "35_drain").unwrap();
    assert_eq!(on_purpose(&all, last, &stages[0]), "");
    assert_eq!(on_purpose(&all, step, &stages[1]), "");
}

#[test]
fn the_directory_of_a_check_is_shown_as_a_word_before_and_after_it_is_deleted() {
    let made = env::temp_dir().join(format!("climb-{}-test", std::process::id()));
    let argument = made.join("public").to_string_lossy().into_owned();
    fs::create_dir_all(&argument).unwrap();
    let before = shown(std::slice::from_ref(&argument));
    fs::remove_dir_all(&made).unwrap();
    assert_eq!((before, shown(&[argument])), (vec!["DIRECTORY".into()], vec!["DIRECTORY".into()]));
    assert_eq!(shown(&["/srv/www".to_string()]), ["/srv/www"]);
}
