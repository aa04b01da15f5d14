//! Reading what a scenario says of redis clusters.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{DAY, Entry, Reader, Section, near};
use crate::base::Shown;
use crate::base::addr::NodeAddr;
use crate::config::Kind;
use crate::demo::clusters::state::{State, known};
use crate::demo::scenario::{ActSpec, ClusterSpec};

pub(super) const KEYS: &[Entry] = &[
    ("cluster", "name", Kind::Name, None),
    ("cluster", "state", Kind::Text, None),
    ("cluster", "machines", Kind::Text, Some("")),
    ("cluster", "interval", Kind::Span(1, 60), Some("2s")),
    ("cluster", "node_timeout", Kind::Span(1, 600), Some("")),
    ("cluster", "age", Kind::Span(0, 3650 * DAY), Some("0s")),
    ("act", "cluster", Kind::Name, None),
    ("act", "at", Kind::Span(1, DAY), None),
    ("act", "state", Kind::Text, None),
];

impl Reader<'_> {
    /// Redis clusters, and what they go through.
    pub(super) fn clusters<'a>(
        &mut self,
        all: impl Iterator<Item = &'a Section>,
        acts: impl Iterator<Item = &'a Section>,
    ) -> Vec<ClusterSpec> {
        let mut clusters: Vec<ClusterSpec> = all.filter_map(|section| self.cluster(section)).collect();
        let names: Vec<String> = clusters.iter().map(|cluster| cluster.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for section in acts {
            self.known(section, "cluster", &names);
            let (at, state) = (section.span("at"), self.state(section, "act.state"));
            let of = clusters.iter_mut().find(|cluster| cluster.name == section.text("cluster"));
            let Some((cluster, state)) = of.zip(state) else { continue };
            if cluster.acts.iter().any(|act| act.at == at) {
                let text = format!("{} comes to another state then already; give it another time", cluster.name);
                self.wrong(section.line_of("at"), "act.at", text);
            }
            cluster.acts.push(ActSpec { at, state });
            cluster.acts.sort_by_key(|act| act.at);
        }
        clusters
    }

    fn cluster(&mut self, section: &Section) -> Option<ClusterSpec> {
        let mut machines = Vec::new();
        let text = section.text("machines");
        for machine in text.split(',').map(str::trim).filter(|machine| !machine.is_empty()) {
            if NodeAddr::new(machine, 1).is_none() {
                let text = format!(
                    "\"{}\" is no name or address of a machine; write them with commas between, such as \"10.0.0.1, 10.0.0.2\"",
                    Shown::text(machine)
                );
                self.wrong(section.line_of("machines"), "cluster.machines", text);
            }
            if machines.iter().any(|other| other == machine) {
                let text = format!("{} stands there twice; name each machine once", Shown::text(machine));
                self.wrong(section.line_of("machines"), "cluster.machines", text);
            }
            machines.push(machine.to_owned());
        }
        let state = self.state(section, "cluster.state")?;
        Some(ClusterSpec {
            name: section.text("name"),
            machines,
            interval: section.span("interval"),
            node_timeout: section.maybe_span("node_timeout"),
            age: section.span("age"),
            acts: vec![ActSpec { at: Duration::ZERO, state }],
        })
    }

    fn state(&mut self, section: &Section, key: &str) -> Option<Arc<State>> {
        match state(self.path, &section.text("state")) {
            Ok(state) => Some(Arc::new(state)),
            Err(text) => {
                self.wrong(section.line_of("state"), key, text);
                None
            }
        }
    }
}

/// A state: by its name, or, where the name has a slash, a recording in a folder; a relative path is relative to the
/// scenario's file.
fn state(scenario: &Path, name: &str) -> Result<State, String> {
    if name.contains('/') {
        let dir = scenario.parent().unwrap_or(Path::new("")).join(name);
        return State::of_folder(&dir).map_err(|e| e.to_string());
    }
    State::embedded(name).ok_or_else(|| {
        let (all, near) = (known().join(", "), near(name, &known()));
        let found = Shown::text(name);
        format!("found \"{found}\", which is no state{near}; there are {all}, or name a folder that firn redis record has written: ./mine")
    })
}
