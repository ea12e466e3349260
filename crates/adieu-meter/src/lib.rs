//! Meters: one file a sensor; the counting allocator; the machine's description.
