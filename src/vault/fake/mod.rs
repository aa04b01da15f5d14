//! A vault that behaves as Amazon Glacier's do.
