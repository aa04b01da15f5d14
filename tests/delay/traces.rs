//! Recorded histories of real servers, a sample a second, twenty seconds standing for two hours. The verdicts beside them
//! are from an evaluation of the same rules that shares no code with this one; where this judge reads a rule otherwise, the
//! difference stands below with its reason.

use std::path::PathBuf;

use firn::base::Severity::{self, Critical, Ok as Okay, Unknown, Warning};
use firn::delay::judge::Asked;
use firn::delay::limits::{DelayBy, Limits};
use firn::delay::replay::{JobSpan, Replay};
use firn::delay::trace::{Reader, Row};

use super::kit::secs;

/// What was used beside the recordings.
fn lab() -> Limits {
    let mut limits = Limits {
        min_delay_time: secs(15),
        max_delay_time: secs(26),
        window: secs(20),
        interval: secs(1),
        max_recovery_time: secs(60),
        max_trend_time: secs(60),
        max_last_seen: secs(5),
        max_seconds_behind: secs(5),
        max_master_behind: secs(30),
        max_relay_behind: secs(120),
        io_grace: secs(10),
        ..Limits::default()
    };
    limits.jobs[0].longest = secs(180);
    limits
}

type Spans = &'static [(u32, u32, Severity, u8)];

struct Trace {
    name: &'static str,
    job: Option<&'static str>,
    change: fn(&mut Limits),
    /// As told beside the recording.
    told: Spans,
    /// From, to, what is said here instead, and why.
    otherwise: &'static [(u32, u32, Severity, u8, &'static str)],
}

const NONE: fn(&mut Limits) = |_| {};

const RESTART: &str = "SQL_Delay was changed in between: samples of the line before it do not tell of the line after it, so \
    the window begins anew, and for half a window there is no trend to judge (UNKNOWN, which is not OK)";
const TRACES: [Trace; 10] = [
    Trace {
        name: "01-healthy",
        job: None,
        change: NONE,
        told: &[(0, 8, Unknown, 15), (9, 179, Okay, 16)],
        otherwise: &[],
    },
    Trace {
        name: "02-backup-idle",
        job: Some("backup:30-120"),
        change: NONE,
        told: &[
            (0, 8, Unknown, 15),
            (9, 29, Okay, 16),
            (30, 119, Warning, 14),
            (120, 125, Warning, 17),
            (126, 127, Okay, 16),
            (128, 138, Warning, 17),
            (139, 199, Okay, 16),
        ],
        otherwise: &[],
    },
    Trace {
        name: "03-backup-under-load",
        job: Some("backup:40-130"),
        change: |limits| limits.max_recovery_time = secs(240),
        told: &[
            (0, 8, Unknown, 15),
            (9, 39, Okay, 16),
            (40, 129, Warning, 14),
            (130, 304, Warning, 17),
            (305, 359, Okay, 16),
        ],
        otherwise: &[],
    },
    Trace {
        name: "05-io-thread-stopped",
        job: None,
        change: NONE,
        told: &[
            (0, 8, Unknown, 15),
            (9, 29, Okay, 16),
            (30, 119, Critical, 7),
            (120, 120, Critical, 22),
            (121, 121, Critical, 20),
            (122, 125, Warning, 18),
            (126, 127, Okay, 16),
            (128, 138, Warning, 18),
            (139, 209, Okay, 16),
        ],
        otherwise: &[],
    },
    Trace {
        name: "06-sql-error-dup-key",
        job: None,
        change: NONE,
        told: &[
            (0, 8, Unknown, 15),
            (9, 50, Okay, 16),
            (51, 109, Critical, 5),
            (110, 110, Critical, 22),
            (111, 111, Warning, 21),
            (112, 115, Warning, 18),
            (116, 117, Okay, 16),
            (118, 127, Warning, 18),
            (128, 189, Okay, 16),
        ],
        otherwise: &[],
    },
    Trace {
        name: "08-replica-killed",
        job: None,
        change: NONE,
        told: &[
            (0, 8, Unknown, 15),
            (9, 34, Okay, 16),
            (35, 90, Critical, 3),
            (91, 91, Critical, 9),
            (92, 99, Unknown, 15),
            (100, 169, Okay, 16),
        ],
        otherwise: &[],
    },
    Trace {
        name: "10-brief-dip",
        job: None,
        change: NONE,
        told: &[
            (0, 8, Unknown, 15),
            (9, 31, Okay, 16),
            (32, 52, Critical, 22),
            (53, 57, Warning, 21),
            (58, 149, Okay, 16),
        ],
        otherwise: &[(30, 38, Unknown, 15, RESTART), (50, 58, Unknown, 15, RESTART)],
    },
    Trace {
        name: "11-pt-slave-delay",
        job: None,
        change: |limits| {
            limits.delay_by = DelayBy::External;
            limits.tool_interval = secs(5);
        },
        told: &[(0, 8, Unknown, 15), (9, 179, Okay, 16)],
        otherwise: &[],
    },
    Trace {
        name: "13-local-heartbeat-stopped",
        job: None,
        change: NONE,
        told: &[(0, 8, Unknown, 15), (9, 25, Okay, 16), (26, 70, Critical, 9), (71, 109, Okay, 16)],
        otherwise: &[],
    },
    Trace {
        name: "20-mysql97-mixed",
        job: Some("backup:30-75"),
        change: NONE,
        told: &[
            (0, 8, Unknown, 15),
            (9, 29, Okay, 16),
            (30, 74, Warning, 14),
            (75, 80, Warning, 17),
            (81, 83, Okay, 16),
            (84, 92, Warning, 17),
            (93, 109, Okay, 16),
            (110, 159, Critical, 7),
            (160, 161, Critical, 22),
            (162, 165, Warning, 18),
            (166, 171, Okay, 16),
            (172, 175, Warning, 18),
            (176, 215, Okay, 16),
            (216, 244, Critical, 5),
            (245, 246, Critical, 22),
            (247, 250, Warning, 18),
            (251, 256, Okay, 16),
            (257, 260, Warning, 18),
            (261, 277, Okay, 16),
            (278, 296, Critical, 22),
            (297, 301, Critical, 20),
            (302, 302, Warning, 18),
            (303, 329, Okay, 16),
        ],
        otherwise: &[
            (275, 283, Unknown, 15, RESTART),
            (285, 294, Critical, 20, LATE),
            (295, 303, Unknown, 15, RESTART),
        ],
    },
];

const LATE: &str = "critical in both. The excursion that began with the SQL error at 224 is not over (the line was not back for \
    a whole window), and it was recovering in it: a minute after 224 it is late, and stays so";

fn rows(name: &str) -> (Vec<Row>, bool, bool) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/delay/traces").join(name);
    let mut reader = Reader::new(std::io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    assert!(reader.ignored().is_empty(), "{:?}", reader.ignored());
    let rows = reader.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    (rows, reader.has_local(), reader.has_primary())
}

/// The verdict at each row, by its second.
fn judged(trace: &Trace, wide: bool) -> Vec<(u32, Severity, u8)> {
    let (rows, local, primary) = rows(&format!("{}{}", trace.name, if wide { ".wide.csv" } else { ".csv" }));
    let mut limits = lab();
    (trace.change)(&mut limits);
    assert_eq!(limits.check(), []);
    let zero = rows[0].look.at;
    assert!(rows[0].seconds.abs() < 1e-9);
    let jobs = trace.job.iter().map(|job| job.parse::<JobSpan>().unwrap().job(zero)).collect();
    let mut replay = Replay::new(limits, Asked::by_worker(local, primary), jobs);
    rows.iter()
        .map(|row| {
            let verdict = replay.step(&row.look);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole seconds of a few minutes
            (row.seconds as u32, verdict.severity, verdict.rule.0)
        })
        .collect()
}

#[test]
fn recorded_histories_are_judged_as_told_but_for_the_differences_that_are_argued() {
    for trace in &TRACES {
        let mut used = vec![false; trace.otherwise.len()];
        for (second, severity, rule) in judged(trace, true) {
            let told = trace.told.iter().find(|(from, to, ..)| (*from..=*to).contains(&second)).unwrap();
            let other = trace.otherwise.iter().position(|(from, to, ..)| (*from..=*to).contains(&second));
            let (wanted, why) = match other {
                Some(place) => {
                    let (_, _, severity, rule, why) = trace.otherwise[place];
                    used[place] |= (severity, rule) != (told.2, told.3);
                    ((severity, rule), why)
                }
                None => ((told.2, told.3), "as told"),
            };
            assert_eq!((severity, rule), wanted, "{} at {second}: {why}", trace.name);
        }
        assert!(used.iter().all(|used| *used), "{}: a difference that is none: {used:?}", trace.name);
    }
}

/// The narrow files lack errors, positions and the local heartbeat: what rests on them is not told, and nothing else is.
#[test]
fn what_a_history_lacks_is_not_known_and_nothing_is_made_up() {
    for trace in &TRACES {
        let (wide, narrow) = (judged(trace, true), judged(trace, false));
        assert_eq!(wide.len(), narrow.len());
        for (wide, narrow) in wide.iter().zip(&narrow) {
            let same = match wide.2 {
                // An SQL thread that stands with an error that is not told still stands.
                5 => (narrow.1, narrow.2) == (Critical, 8),
                // The local heartbeat is not told.
                9 => narrow.2 == 16 || narrow.2 == 15,
                _ => wide == narrow,
            };
            assert!(same, "{}: {wide:?} {narrow:?}", trace.name);
        }
    }
}

/// What is read is written, and reads back the same, with the same verdicts.
#[test]
fn what_is_written_reads_back() {
    for trace in &TRACES {
        let (read, local, primary) = rows(&format!("{}.wide.csv", trace.name));
        let mut writer = firn::delay::trace::Writer::new(Vec::new(), local, primary).unwrap();
        for row in &read {
            writer.row(&row.look).unwrap();
        }
        let text = writer.into_inner();
        let again: Vec<Row> = Reader::new(text.as_slice()).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(read.len(), again.len());
        for (a, b) in read.iter().zip(&again) {
            assert_eq!(a.look, b.look, "{}", trace.name);
            assert!((a.seconds - b.seconds).abs() < 1e-6);
        }
    }
}
