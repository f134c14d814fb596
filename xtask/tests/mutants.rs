//! `.cargo/mutants.toml`, with the mutations that cargo-mutants leaves out.

use std::fs;
use std::path::Path;

#[test]
fn each_excluded_mutation_is_in_a_file_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join(".cargo/mutants.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    for pattern in config["exclude_re"].as_array().unwrap() {
        let pattern = pattern.as_str().unwrap();
        let (file, _) = pattern.trim_start_matches('^').split_once(':').expect(pattern);
        assert!(root.join(file).is_file(), "{pattern}");
    }
}
