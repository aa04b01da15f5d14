//! What benches tell of many runs.

/// The one in the middle.
pub fn median(times: impl AsRef<[f64]>) -> f64 {
    let mut times = times.as_ref().to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
