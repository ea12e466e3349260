//! The rules a record must obey.
