//! What steps said since the record's last `step` event.

use std::collections::BTreeMap;

use adieu_core::learn::{Diverged, Scalar};

/// Sums over some steps.
#[derive(Default)]
pub(crate) struct Window {
    first: u64,
    steps: u64,
    /// Of each number its sum, and how many steps said it: a read-out that runs now and then does not speak each time.
    sums: BTreeMap<(Option<usize>, &'static str), (f64, u64)>,
}

impl Window {
    /// Adds what step number `step` said.
    ///
    /// # Errors
    /// The first number that is not finite; nothing is added then.
    pub(crate) fn add(&mut self, step: u64, said: Vec<Scalar>) -> Result<(), Diverged> {
        if let Some(Scalar { name, layer, .. }) = said.iter().find(|scalar| !scalar.value.is_finite()) {
            return Err(Diverged { layer: *layer, what: name });
        }
        if self.steps == 0 {
            self.first = step;
        }
        self.steps += 1;
        for Scalar { name, layer, value } in said {
            let (sum, times) = self.sums.entry((layer, name)).or_default();
            *sum += value;
            *times += 1;
        }
        Ok(())
    }

    /// The number of the first step, and the mean of what each said; `None` of none.
    pub(crate) fn means(self) -> Option<(u64, Vec<adieu_record::Scalar>)> {
        let mean =
            |((layer, name), (sum, times)): ((Option<usize>, &str), (f64, u64))| adieu_record::Scalar {
                name: name.into(),
                layer: layer.map(|layer| layer as u64),
                value: sum / times as f64,
            };
        (self.steps > 0).then(|| (self.first, self.sums.into_iter().map(mean).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_now_and_then_is_averaged_over_the_times_it_was() {
        let scalar = |name, value| Scalar { name, layer: None, value };
        let mut window = Window::default();
        assert_eq!(window.add(7, vec![scalar("loss", 1.0), scalar("head_loss", 5.0)]), Ok(()));
        assert_eq!(window.add(8, vec![scalar("loss", 3.0)]), Ok(()));
        assert!(window.add(9, vec![scalar("loss", f64::NAN)]).is_err());
        let (first, means) = window.means().expect("two steps");
        let means: Vec<_> = means.iter().map(|s| (s.name.as_str(), s.value)).collect();
        assert_eq!((first, means), (7, vec![("head_loss", 5.0), ("loss", 2.0)]));
        assert!(Window::default().means().is_none());
    }
}
