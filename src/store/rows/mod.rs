//! What goes into the store and what comes out.

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The number that stands in the database.
            pub const fn code(self) -> i64 {
                match self { $($name::$variant => $code,)* }
            }

            /// The value behind a number of the database.
            pub const fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }

            /// The word in reports and JSON.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

mod archives;
mod clusters;
mod delays;
mod files;
mod plans;
mod retrievals;
mod shared;
mod told;
mod verdicts;
mod views;

pub use archives::*;
pub use clusters::*;
pub use delays::*;
pub use files::*;
pub use plans::*;
pub use retrievals::*;
pub use shared::*;
pub use told::*;
pub use verdicts::*;
pub use views::*;

coded! {
    /// Where a queued file stands.
    QueueState {
        /// Waits to be fetched.
        Queued = 0 "queued",
        /// A session is fetching it.
        Fetching = 1 "fetching",
        /// In a bundle that is not stored yet.
        Bundled = 2 "bundled",
        /// Could not be fetched; tried again at its next try.
        Failed = 3 "failed",
    }
}

coded! {
    /// Where an archive stands.
    ArchiveState {
        /// Being filled.
        Open = 0 "open",
        /// Complete and durable in staging.
        Sealed = 1 "sealed",
        /// On its way; from here it never goes back by time.
        Uploading = 2 "uploading",
        /// The vault has confirmed its hash.
        Stored = 3 "stored",
        /// Came to nothing before it was sent.
        Abandoned = 4 "abandoned",
        /// The reply was lost; its files are not safe.
        Unknown = 5 "unknown",
        /// In the vault, and so are all its files elsewhere.
        Duplicate = 6 "duplicate",
        /// In the vault, and not ours.
        Orphan = 7 "orphan",
        /// In the vault, and its bytes are wrong.
        Damaged = 8 "damaged",
    }
}

impl ArchiveState {
    /// Whether something is still to be done about it.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Sealed | Self::Uploading | Self::Unknown)
    }
}

coded! {
    /// Why a bundle was closed.
    ClosedBy {
        /// It reached its target size.
        Size = 0 "size",
        /// It reached its maximum age.
        Age = 1 "age",
        /// Somebody, or the end of the work, asked for it.
        Hand = 2 "hand",
    }
}
