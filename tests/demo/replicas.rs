//! Delayed replicas of the demo.

use std::time::Duration;

use firn::delay::snapshot::ReplicaLine;

use super::Play;

impl Play {
    fn replicas(&self) -> Vec<ReplicaLine> {
        self.runtime.block_on(self.services.delays()).unwrap().replicas
    }
}

#[test]
fn print_all() {
    let began = std::time::Instant::now();
    let play = Play::of("delay", 1, 2);
    play.driver.run_until(Duration::from_secs(1));
    println!("{:?}", began.elapsed());
    for hour in 0..6 {
        play.driver.run_until(Duration::from_secs(3600 * hour + 60));
        println!("{:?} {}", began.elapsed(), hour);
    }
    for line in play.replicas() {
        println!("== {} {:?}", line.name, line.verdict.as_ref().map(|v| (v.rule, &v.text, &v.hint)));
        for turn in &line.state.turns {
            let off = (turn.since.as_micros() - play.services.clock.now().as_micros()) / 1_000_000 + 5 * 3600 + 60;
            println!("{:>7} {:?} #{} {}", off, turn.severity, turn.rule.0, turn.text);
        }
    }
}
