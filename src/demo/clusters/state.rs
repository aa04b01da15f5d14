//! A captured state of a cluster: what each of its nodes answered.

use std::path::Path;

use crate::redis::replay::{ReplayError, Texts, Told, read, texts};

macro_rules! file {
    ($folder:literal, $node:literal, $file:literal) => {
        Some(include_str!(concat!("../../../demo-data/redis/", $folder, "/", $node, "/", $file)))
    };
}

/// A state with all three replies of each node.
macro_rules! whole {
    ($name:literal, $folder:literal, $($node:literal)*) => {
        ($name, &[$(($node, [
            file!($folder, $node, "info-everything.txt"),
            file!($folder, $node, "cluster-nodes.txt"),
            file!($folder, $node, "cluster-info.txt"),
        ])),*])
    };
}

/// A state of which only the views were captured.
macro_rules! views {
    ($name:literal, $folder:literal, $($node:literal)*) => {
        ($name, &[$(($node, [
            None,
            file!($folder, $node, "cluster-nodes.txt"),
            file!($folder, $node, "cluster-info.txt"),
        ])),*])
    };
}

/// A node's folder and its texts.
type Node = (&'static str, [Option<&'static str>; 3]);

/// The states that are part of the program. All are of one cluster of six nodes, redis 7.0, one after another.
const EMBEDDED: [(&str, &[Node]); 11] = [
    whole!("healthy", "01-healthy", "19101" "19102" "19103" "19104" "19105" "19106"),
    whole!("killed", "02a-master-killed-1s-after", "19102" "19103" "19104" "19105" "19106"),
    views!("suspected", "02b-master-pfail-or-fail", "19102" "19103" "19104" "19105" "19106"),
    whole!("failed-over", "02c-after-failover", "19102" "19103" "19104" "19105" "19106"),
    whole!("back", "12-dead-master-back", "19101" "19102" "19103" "19104" "19105" "19106"),
    whole!("led-back", "14-led-back", "19101" "19102" "19103" "19104" "19105" "19106"),
    whole!("uncovered", "03a-slots-uncovered-full-coverage-yes", "19101" "19102" "19104" "19106"),
    whole!("uncovered-open", "03b-slots-uncovered-full-coverage-no", "19101" "19102" "19104" "19106"),
    views!("disputed", "07b-views-differ-slot-owner", "19101" "19102" "19103" "19104" "19105" "19106"),
    whole!("memory-full", "15-memory-full", "19101" "19102" "19103" "19104" "19105" "19106"),
    whole!("open-slot", "13-open-slot", "19101" "19102" "19103" "19104" "19105" "19106"),
];

/// The names of the states that are part of the program.
pub fn known() -> Vec<&'static str> {
    EMBEDDED.iter().map(|(name, _)| *name).collect()
}

/// What each node answered, by the name of its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// In the order of the names.
    pub nodes: Vec<Told>,
}

impl State {
    /// A state that is part of the program.
    pub fn embedded(name: &str) -> Option<Self> {
        let (_, nodes) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
        let told = |(node, texts): &Node| {
            let texts: Texts = texts.map(|text| text.map(str::to_owned));
            ((*node).to_owned(), texts)
        };
        Some(Self { nodes: nodes.iter().map(told).collect() })
    }

    /// A recording, one poll of it.
    pub fn of_folder(dir: &Path) -> Result<Self, ReplayError> {
        // What cannot be judged again cannot be played.
        read(dir)?;
        Ok(Self { nodes: texts(dir)? })
    }
}
