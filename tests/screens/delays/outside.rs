//! What comes from outside.
