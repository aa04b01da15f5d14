//! The log: a bounded ring in memory for the console, and files that roll over.
