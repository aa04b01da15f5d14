//! Random trees: what a scan says is what an ordinary walk says, and what a watch and the scan before it say together
//! is everything there is.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use firn::base::ids::Version;
use firn::source::Report;
use proptest::prelude::*;

use super::kit::{DEADLINE, Tree, Watching, check_facts, plain_walk, read};

#[derive(Debug, Clone)]
enum Op {
    Write(Vec<u8>, Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    MakeFolder(Vec<u8>),
}

/// Paths of few names, so that they meet.
fn path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0u8..4, 1..4)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (path(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(path, bytes)| Op::Write(path, bytes)),
        3 => (path(), path()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => path().prop_map(Op::Delete),
        1 => path().prop_map(Op::MakeFolder),
    ]
}

fn at(tree: &Tree, path: &[u8]) -> PathBuf {
    path.iter().fold(tree.source.path().to_owned(), |at, name| at.join(format!("n{name}")))
}

/// Does what can be done; what the system refuses is no concern of this test.
fn apply(tree: &Tree, op: &Op) {
    let above = |path: &[u8]| {
        let _ = fs::create_dir_all(at(tree, path).parent().unwrap());
    };
    let _ = match op {
        Op::Write(path, bytes) => {
            above(path);
            fs::write(at(tree, path), bytes)
        }
        Op::Rename(from, to) => {
            above(to);
            fs::rename(at(tree, from), at(tree, to))
        }
        Op::Delete(path) => fs::remove_file(at(tree, path)).or_else(|_| fs::remove_dir_all(at(tree, path))),
        Op::MakeFolder(path) => fs::create_dir_all(at(tree, path)),
    };
}

async fn scan_is_the_walk(tree: &Tree) {
    let scanned = tree.scan_with_neighbour().await;
    let walked = plain_walk(tree.source.path());
    assert_eq!(scanned.files.keys().collect::<Vec<_>>(), walked.keys().collect::<Vec<_>>());
    assert!(scanned.troubles.is_empty() && scanned.skipped.is_empty());
    for (key, bytes) in walked {
        let file = &scanned.files[&key];
        check_facts(tree.source.path(), file);
        assert_eq!(read(&tree.source, file).await, Ok(bytes));
    }
}

/// Scan, change under watch, and take reports until each file's version of now has been reported.
async fn watch_misses_nothing(tree: &Tree, ops: &[Op]) {
    let mut watching = Watching::start(&tree.source, 8).await;
    let mut newest: BTreeMap<Vec<u8>, Version> = BTreeMap::new();
    for file in watching.scanned.files.values() {
        newest.insert(file.key.as_bytes().to_vec(), file.version.clone());
    }
    for op in ops {
        apply(tree, op);
    }
    let now = tree.scan().await;
    let unreported = |newest: &BTreeMap<Vec<u8>, Version>| -> Vec<Vec<u8>> {
        now.files
            .iter()
            .filter(|(key, file)| newest.get(*key) != Some(&file.version))
            .map(|(key, _)| key.clone())
            .collect()
    };
    while !unreported(&newest).is_empty() {
        let Some(report) = watching.next(DEADLINE).await else {
            panic!(
                "never reported: {:?}",
                unreported(&newest).iter().map(|key| String::from_utf8_lossy(key)).collect::<Vec<_>>()
            );
        };
        let Report::Files(files) = report else { panic!("{report:?}") };
        for file in files {
            newest.insert(file.key.as_bytes().to_vec(), file.version);
        }
    }
    watching.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_is_an_ordinary_walk_and_a_watch_misses_nothing(
        before in prop::collection::vec(op(), 0..40),
        during in prop::collection::vec(op(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            let tree = Tree::new();
            for op in &before {
                apply(&tree, op);
            }
            scan_is_the_walk(&tree).await;
            watch_misses_nothing(&tree, &during).await;
            scan_is_the_walk(&tree).await;
        });
    }
}
