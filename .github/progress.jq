# The lines of `cargo xtask climb --all --json` and `cargo xtask check-exercise --all --json`, as Markdown. A line of climb
# also has the program that was checked; for a stage that several programs were checked for, the best result counts.

def sign: if . then "✓" else "✗" end;
# The first check that failed, or why there was none.
def problem:
  first(.checks[]? | select(.passed | not) | .check)
  // (if .ended == "done" or .ended == null then "" else .ended end);
def cell: gsub("\\|"; "\\|");

(map(select(.stage)) | group_by(.stage) | map(max_by(.done, .passed))) as $stages
| map(select(.exercise)) as $exercises
| map(select((.stage or .exercise) | not)) as $programs
| "## Progress",
  "",
  "Checks pass for **\($stages | map(select(.done)) | length) of \($stages | length) stages** and **\($exercises | map(select(.solved)) | length) of \($exercises | length) exercises**.",
  ($programs[] | "", "`\(.program)`: \(.ended). The log of this step has the details."),
  (if $stages == [] and $programs == [] then
    "", "There is no my_server yet, or it is not committed: `cargo xtask start` creates it."
  else empty end),
  (if $stages != [] then
    "",
    "| stage | | program | checks | fails first |",
    "|--:|---|---|--:|---|",
    ($stages[] | "| \(.stage) | \(.done | sign) \(.title | cell) | `\(.program)` | \(.passed)/\(.of) | \(problem | cell) |")
  else empty end),
  "",
  "| exercise | | checks | fails first |",
  "|--:|---|--:|---|",
  ($exercises[] | "| \(.exercise) | \(.solved | sign) \(.title | cell) | \(.passed)/\(.checks | length) | \(problem | cell) |")
