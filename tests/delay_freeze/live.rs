//! A real pair of MariaDB.
