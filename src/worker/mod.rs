//! What runs work: pools whose size can change while they run, sessions and their leases, a supervisor that restarts
//! what fell over. It knows nothing of what it runs.

pub mod heard;
pub mod kinds;
pub mod pool;
pub mod session;
pub mod supervisor;
pub mod under;
