//! The acted vault of Glacier: the whole contract, and what its door does with time, lost replies and inventories.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::base::clock::Hand;
use firn::base::ids::ArchiveUuid;
use firn::base::{Clock, Time};
use firn::vault::Vault;
use firn::vault::fake::{Core, FakeVault, Glacier, Link, Rules, Shelf};
use tempfile::TempDir;

use super::subject::Subject;

contract!(contract, crate::glacier::Acted::new());

/// When the clock of these tests starts.
const START: Time = Time::from_secs(1_700_000_000);

/// A vault at the service, on a clock that is moved by hand. Requests take no time.
pub struct Acted {
    temp: TempDir,
    clock: Clock,
    hand: Hand,
    glacier: Arc<Glacier>,
    link: Link,
}

impl Acted {
    pub fn new() -> Self {
        // Long tests are slow uploads: they are not to be removed meanwhile.
        Self::with(Rules { upload_lives: Duration::from_hours(24 * 30), ..Rules::default() }, Link::default())
    }

    fn with(rules: Rules, link: Link) -> Self {
        let temp = tempfile::Builder::new().prefix("firn-glacier").tempdir().unwrap();
        std::fs::create_dir(temp.path().join("staging")).unwrap();
        let shelf = Shelf::open(&temp.path().join("shelf")).unwrap();
        let (clock, hand) = Clock::manual(START);
        let glacier = Glacier::new(Core::new(rules, START), shelf);
        Self { temp, clock, hand, glacier, link }
    }

    fn door(&self) -> FakeVault {
        FakeVault::new("cold", self.clock.clone(), Arc::clone(&self.glacier), self.link)
    }
}

impl Subject for Acted {
    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(self.door())
    }

    fn staging(&self) -> PathBuf {
        self.temp.path().join("staging")
    }

    fn pass_time(&self, span: Duration) {
        self.hand.advance(span);
    }

    fn damage(&self, _archive: ArchiveUuid) -> bool {
        // The service does not tell what it finds of what it holds.
        false
    }

    fn add_foreign(&self) -> Vec<Vec<u8>> {
        let body = self.glacier.shelf().lay(b"somebody else's").unwrap();
        let hash = body.tree_hash();
        let receipt = self.glacier.core().post(self.clock.now(), "holiday photos", hash, body).unwrap();
        vec![receipt.archive_id.as_bytes().to_vec()]
    }

    fn foreign_is_untouched(&self) -> bool {
        let now = self.clock.now();
        let newest = self.glacier.core().last_inventory(now).unwrap();
        newest.archives.iter().any(|listed| &*listed.description == "holiday photos")
    }
}
