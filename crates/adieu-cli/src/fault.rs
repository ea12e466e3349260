//! What went wrong, as the number that a shell sees.

use std::fmt;
use std::process::ExitCode;

/// Asked for something that cannot be: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// 2 for wrong usage and faulty recipes, 1 for everything else.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    let usage = error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<adieu::Faults>()
            || matches!(cause.downcast_ref(), Some(adieu::Error::Recipe(_)))
    });
    ExitCode::from(if usage { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn usage_and_recipes_are_two_wherever_they_stand_in_the_chain() {
        let faults = || adieu::Faults { file: "a.toml".into(), faults: Vec::new() };
        let cases = [
            (anyhow!("a disk"), 1),
            (Usage("no".into()).into(), 2),
            (adieu::Error::Recipe(faults()).into(), 2),
            (Err::<(), _>(faults()).context("while").unwrap_err(), 2),
        ];
        for (error, expected) in cases {
            assert_eq!(code(&error), ExitCode::from(expected), "{error:?}");
        }
    }
}
