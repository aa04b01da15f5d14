//! The console itself, on the demo: filled in below.
