//! What claims and pages cost does not grow with what is archived: counted in steps of SQLite's machine, which are the
//! same on every machine. `cargo bench --bench claims` does it with ten million files, and takes the time.

use crate::archived::{OPERATIONS, State};

#[tokio::test]
async fn claims_and_pages_cost_the_same_with_ten_times_the_archived_files() {
    let dir = tempfile::tempdir().unwrap();
    let small = State::filled(&dir.path().join("small.db"), 10_000).await;
    let large = State::filled(&dir.path().join("large.db"), 100_000).await;
    let mut wrong = Vec::new();
    for operation in OPERATIONS {
        let mut steps = Vec::new();
        for state in [&small, &large] {
            let before = state.steps();
            state.run(operation).await;
            steps.push(state.steps() - before);
            state.undo(operation).await;
        }
        // Within a tenth.
        if steps[1] * 10 > steps[0] * 11 || steps[1] * 10 < steps[0] * 9 || steps[0] == 0 {
            wrong
                .push(format!("{operation}: {} steps with 10,000 archived files, {} with 100,000", steps[0], steps[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
