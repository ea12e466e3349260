//! Names for people: of learners, read-outs, splits, and the keys of the record.

use adieu_record::Split;

/// Long and short name of learners that have a customary spelling.
const LEARNERS: &[(&str, &str, &str)] = &[
    ("forward_forward", "Forward-Forward", "FF"),
    ("unsupervised", "Forward-Forward without labels", "FF, no labels"),
    ("back_prop", "Back-propagation", "BP"),
    ("recurrent", "Recurrent Forward-Forward", "recurrent FF"),
    ("rbm", "Boltzmann machine", "RBM"),
    ("deeper_forward", "DeeperForward", "DeeperForward"),
    ("local_heads", "Local heads", "local heads"),
    ("cw_comp", "CwComp", "CwComp"),
    ("self_contrastive", "Self-contrastive Forward-Forward", "SCFF"),
    ("soft_hebb", "SoftHebb", "SoftHebb"),
    ("direct_feedback", "Direct feedback alignment", "DFA"),
    ("predictive_ff", "Predictive Forward-Forward", "PFF"),
    ("activation_learning", "Activation Learning", "AL"),
    ("lac", "Local Activity Contrast", "LAC"),
];

/// The learner that others are compared with, when it is there.
pub(crate) const BASELINE: &str = "back_prop";

/// `forward_forward` → `Forward-Forward`; a learner without customary spelling keeps its words.
pub(crate) fn learner(key: &str) -> String {
    LEARNERS.iter().find(|l| l.0 == key).map_or_else(|| words(key), |l| l.1.to_string())
}

/// `forward_forward` → `FF`.
pub(crate) fn learner_short(key: &str) -> String {
    LEARNERS.iter().find(|l| l.0 == key).map_or_else(|| words(key), |l| l.2.to_string())
}

/// The label inside a sentence: `Back-propagation` → `back-propagation`; names with further capitals keep theirs.
pub(crate) fn within(label: &str) -> String {
    let mut letters = label.chars();
    let Some(first) = letters.next() else { return String::new() };
    let name = letters.as_str().chars().any(char::is_uppercase);
    if name { label.into() } else { first.to_lowercase().chain(letters).collect() }
}

/// The label at the start of a sentence.
pub(crate) fn starting(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `pairwise_errors` → `Pairwise errors`.
pub(crate) fn words(key: &str) -> String {
    starting(&key.replace('_', " "))
}

/// `Test` → `test`.
pub(crate) fn split(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

/// `[a, b, c]` → `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_learners_keep_their_words() {
        assert_eq!(learner("forward_forward"), "Forward-Forward");
        assert_eq!(learner_short("forward_forward"), "FF");
        assert_eq!(learner("noise_prop"), "Noise prop");
        assert_eq!(learner(""), "");
    }

    #[test]
    fn sentences_keep_names_capital() {
        assert_eq!(within("Back-propagation"), "back-propagation");
        assert_eq!(within("Forward-Forward"), "Forward-Forward");
        assert_eq!(starting("back-propagation"), "Back-propagation");
    }

    #[test]
    fn lists_end_in_and() {
        let items = |n: usize| ["a", "b", "c"][..n].iter().map(|s| s.to_string()).collect::<Vec<_>>();
        assert_eq!(list(&items(0)), "");
        assert_eq!(list(&items(1)), "a");
        assert_eq!(list(&items(2)), "a and b");
        assert_eq!(list(&items(3)), "a, b and c");
    }
}
