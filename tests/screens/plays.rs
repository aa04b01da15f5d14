//! Screens of the demo's scenarios at a fixed time: the real pipeline over the acted vault, the real model, the real
//! drawing. The same on one thread and on four.

use std::sync::Arc;
use std::time::Duration;

use firn::backup::snapshot::Snapshot;
use firn::base::Severity;
use firn::console::model::Model;
use firn::console::msg::Msg;
use firn::console::print;
use firn::console::setup::{self, Options};
use firn::console::theme::{Depth, Theme};
use firn::console::work;
use firn::demo::{DemoDriver, DemoOptions};
use firn::services::Services;
use tokio::runtime::{Builder, Runtime};

use super::kit::{go, paint, press, send};
use super::pictures::{compare, looks, styles};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// A demo that was stepped to a time, with its workers in this process, as `firn demo --until` has it.
struct Play {
    services: Arc<Services>,
    vault: work::VaultSeen,
    options: Options,
    runtime: Runtime,
    _work: Option<firn::services::Crew>,
    _driver: DemoDriver,
}

impl Play {
    fn at(scenario: &str, until: Duration, threads: usize) -> Self {
        let asked = DemoOptions {
            scenario: Some(scenario.to_owned()),
            seed: 1,
            until: Some(until),
            threads: Some(threads),
            ..DemoOptions::default()
        };
        let (mut services, driver) = Services::demo(&asked).unwrap();
        // Whatever terminal the tests run in.
        let console = &mut services.config.console;
        (console.glyphs, console.charts, console.colour) = ("utf8".to_owned(), "block".to_owned(), "true".to_owned());
        let services = Arc::new(services);
        let options = Options { who: "you".to_owned(), ..Options::default() };
        let work = setup::kinds(&services, &options).unwrap().map(|kinds| work::start(&services, &kinds));
        assert!(work.is_some(), "the demo works by itself");
        let seen = work::look_at_vault(&services);
        driver.run_until(until);
        let vault = seen.borrow().clone();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { services, vault, options, runtime, _work: work, _driver: driver }
    }

    fn print(&self, size: (u16, u16)) -> String {
        let printed = print::print(Arc::clone(&self.services), &self.options, self.vault.clone(), size);
        self.runtime.block_on(printed).unwrap()
    }

    fn snapshot(&self) -> Snapshot {
        self.runtime.block_on(self.services.snapshot()).unwrap()
    }
}

/// The screens of a scenario at a time, which do not depend on how many threads it runs on.
fn screens(scenario: &str, until: Duration) -> Play {
    let one = Play::at(scenario, until, 1);
    let four = Play::at(scenario, until, 4);
    let drawn = SIZES.map(|size| (size, one.print(size)));
    for (size, text) in &drawn {
        assert_eq!(text.lines().count(), usize::from(size.1));
        assert_eq!(*text, four.print(*size), "{scenario} on one thread and on four, at {size:?}");
    }
    for ((columns, rows), text) in drawn {
        compare(&format!("{scenario}-{columns}x{rows}.txt"), &text);
    }
    one
}

#[test]
fn a_calm_evening() {
    let play = screens("calm", Duration::from_mins(10));
    let text = play.print((120, 40));
    assert!(text.contains("DEMO calm") && !text.contains(['✖', '⚠']), "{text}");
}

#[test]
fn a_bad_night() {
    let play = screens("bad-night", Duration::from_secs(310));
    let snapshot = play.snapshot();
    assert!(snapshot.findings.len() >= 3 && snapshot.severity == Severity::Critical, "{:?}", snapshot.findings);
    let mut model = super::kit::blank();
    model.setup = setup::setup(&play.services, &play.options, None);
    if let Some(vault) = play.vault.clone() {
        send(&mut model, Msg::Vault(vault));
    }
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    let buffer = paint(&model, (140, 40)).0;
    let theme = Theme::named("default", Depth::True).unwrap();
    // What is wrong looks wrong: in the header, in the strips, in the lists, in the footer.
    assert_eq!(looks(&buffer, &theme, "✖"), "critical");
    assert_eq!(looks(&buffer, &theme, "UNKNOWN"), "warning");
    assert_eq!(looks(&buffer, &theme, "▸a"), "selected", "the first row");
    assert_eq!(looks(&buffer, &theme, "unknown"), "warning");
    assert_eq!(looks(&buffer, &theme, "1 PAUSED"), "held");
    assert_eq!(looks(&buffer, &theme, "PAUSED by"), "held");
    assert_eq!(looks(&buffer, &theme, "DEMO"), "badge");
    assert_eq!(looks(&buffer, &theme, "✖ the vault glacier-eu"), "critical");
    compare("bad-night-140x40.txt", &print::text(&buffer));
    compare("bad-night-140x40.styles.txt", &styles(&buffer, &theme));
}

/// The Redis tab of a play, over what its clusters are found to be.
fn tab(play: &Play) -> Model {
    let mut model = super::kit::blank();
    model.setup = setup::setup(&play.services, &play.options, None);
    if let Some(vault) = play.vault.clone() {
        send(&mut model, Msg::Vault(vault));
    }
    let now = play.services.clock.now();
    let mut told = |message: Msg| {
        firn::console::update::update(&mut model, message, now);
    };
    told(Msg::Snapshot(Arc::new(play.snapshot())));
    told(Msg::Redis(Ok(Arc::new(play.services.redis()))));
    go(&mut model, "5!");
    model
}

/// The cluster of that name, from the list of them.
fn open(model: &mut Model, cluster: &str) {
    press(model, "esc");
    press(model, "home");
    for _ in 0..10 {
        if model.redis.clusters.selected.as_deref() == Some(cluster) {
            break;
        }
        press(model, "down");
    }
    press(model, "enter");
    assert_eq!(model.redis.current().map(|one| one.name.as_str()), Some(cluster));
}

#[test]
fn redis_clusters() {
    let play = Play::at("redis", Duration::from_secs(34), 2);
    let mut model = tab(&play);
    for size in [(140, 40), (80, 24)] {
        let name = |what: &str| format!("redis-demo-{what}-{}x{}.txt", size.0, size.1);
        compare(&name("clusters"), &print::text(&paint(&model, size).0));
        let mut model = tab(&play);
        open(&mut model, "orders");
        let drawn = print::text(&paint(&model, size).0);
        assert!(
            drawn.contains("(node-timeout 5 s); failover to 10.20.2.13:6380 due in")
                && drawn.contains("SLOTS 10,923/16,384"),
            "{drawn}"
        );
        compare(&name("killed"), &drawn);
    }
    model = tab(&play);
    open(&mut model, "sessions");
    let drawn = print::text(&paint(&model, (140, 40)).0);
    assert!(drawn.contains("nothing is wrong that firn can see"), "{drawn}");
    compare("redis-demo-healthy-140x40.txt", &drawn);
    let play = Play::at("redis", Duration::from_secs(100), 2);
    model = tab(&play);
    for (cluster, what) in
        [("carts", "uncovered"), ("search", "disputed"), ("orders", "failed-over"), ("cache", "full")]
    {
        open(&mut model, cluster);
        for size in [(140, 40), (80, 24)] {
            compare(&format!("redis-demo-{what}-{}x{}.txt", size.0, size.1), &print::text(&paint(&model, size).0));
        }
    }
}
