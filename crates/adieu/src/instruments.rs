//! What the meters of this process are told: chosen once, before anything is measured, as the threads are.

use std::sync::OnceLock;

use adieu_meter::Setup;

static CHOSEN: OnceLock<Setup> = OnceLock::new();

/// Every measurement of this process is by `setup` from now on.
///
/// # Panics
/// If something was measured, or chosen, before.
pub fn choose(setup: Setup) {
    assert!(CHOSEN.set(setup).is_ok(), "instruments are chosen before anything is measured");
}

/// What was chosen; by default this machine's own sensors.
pub fn chosen() -> &'static Setup {
    CHOSEN.get_or_init(Setup::default)
}
