//! The demo: a source made of nothing, behind the same trait, and a clock that can run fast.
