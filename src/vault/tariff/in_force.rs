//! The tariff in force: one that is edited counts from the next request on, for plans were priced by it, too.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Tariff, TariffError};
use crate::base::{Shown, task};

/// A tariff, and where it comes from.
#[derive(Debug)]
pub struct InForce {
    called: String,
    base: PathBuf,
    now: Mutex<Arc<Tariff>>,
    /// What was wrong with its file when it was last read: told once.
    wrong: Mutex<Option<String>>,
}

impl InForce {
    /// Reads it: by its name, or by the path of its file (relative to `base`).
    pub fn load(called: String, base: PathBuf) -> Result<Self, TariffError> {
        let now = Mutex::new(Arc::new(Tariff::load(&called, &base)?));
        Ok(Self { called, base, now, wrong: Mutex::default() })
    }

    /// As it was last read.
    pub fn get(&self) -> Arc<Tariff> {
        Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads its file anew, if it has one. One that cannot be read changes nothing: by what it said no plan is made either.
    pub async fn renew(&self) -> Arc<Tariff> {
        if Tariff::file(&self.called, &self.base).is_none() {
            return self.get();
        }
        let (called, base) = (self.called.clone(), self.base.clone());
        let read = task::blocking(move || Tariff::load(&called, &base)).await;
        let wrong = match read {
            Ok(Ok(tariff)) => {
                let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
                if now.hash() != tariff.hash() {
                    tracing::info!(tariff = %Shown::text(&self.called), "the tariff was changed; it counts from now on");
                    *now = Arc::new(tariff);
                }
                None
            }
            Ok(Err(e)) => Some(e.to_string()),
            Err(e) => Some(e.to_string()),
        };
        self.tell(wrong);
        self.get()
    }

    fn tell(&self, wrong: Option<String>) {
        let mut told = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = wrong.as_ref().filter(|_| *told != wrong) {
            tracing::warn!(error = why, "the tariff cannot be read; as it was before it stays in force");
        }
        *told = wrong;
    }
}
