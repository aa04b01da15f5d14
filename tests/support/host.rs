//! Processes on hosts that the tests make up.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Clock;
use firn::base::host::ProcessIdentity;
use firn::store::Store;
use firn::worker::under::Under;

/// What a process on `host` registers under: for `kinds` of work, with a lease of `length`.
pub fn under(host: &str, store: &Arc<dyn Store>, clock: &Clock, kinds: &str, length: Duration) -> Under {
    let process = ProcessIdentity {
        host: host.to_owned(),
        machine_id: host.repeat(32),
        pid: 1,
        pid_start: 1,
        ..ProcessIdentity::own()
    };
    Under { store: Arc::clone(store), clock: clock.clone(), process, kinds: kinds.to_owned(), length }
}
