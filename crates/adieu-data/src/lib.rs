//! Datasets: one file each; parsing, checks, the bundled digits.
