//! Exhibits: the figures and tables of a report, one file each.
//!
//! To add one: write `NAME.rs` with a unit struct that implements [`Exhibit`], and name it in [`EXHIBITS`]. It
//! then appears in the page, in the JSON twin and in the snapshot tests, in the order of that list.

mod confusion;
mod costs;
mod energy;
mod error_by_epoch;
mod error_by_time;
mod features;
mod generated;
mod layers;
mod made_up;
mod maps;
mod memory;
mod method;
mod mistakes;
mod over_time;
mod parting;
mod phases;
mod recipes;
mod reconstruction;
mod rows_taught;
mod separation;
mod verdict;

use maud::{Markup, html};
use serde_json::Value;

use crate::chart;
use crate::run::Run;
use crate::summary::{Group, Summary};

/// All exhibits, in the order of the page.
pub(crate) const EXHIBITS: &[&dyn Exhibit] = &[
    &verdict::Verdict,
    &costs::Costs,
    &error_by_epoch::ErrorByEpoch,
    &error_by_time::ErrorByTime,
    &reconstruction::Reconstructed,
    &phases::Phases,
    &memory::Memory,
    &energy::Energy,
    &over_time::OverTime,
    &separation::SeparationOfGoodness,
    &rows_taught::RowsTaught,
    &layers::LayerByLayer,
    &confusion::Confusion,
    &parting::Parting,
    &features::Features,
    &maps::Maps,
    &made_up::MadeUp,
    &generated::Generated,
    &mistakes::Mistakes,
    &method::Method,
    &recipes::Recipes,
];

/// A figure or table.
pub(crate) trait Exhibit: Sync {
    /// Unique: the anchor in the page and the key in the JSON twin.
    fn key(&self) -> &'static str;

    /// Heading in the page.
    fn title(&self) -> &'static str;

    /// The exhibit for this evidence.
    fn show(&self, evidence: &Evidence) -> Shown;
}

/// What an exhibit has to show.
pub(crate) enum Shown {
    /// A figure, and all its numbers.
    Figure {
        /// What follows the heading.
        html: Markup,
        /// The same for programs.
        numbers: Value,
    },
    /// Nothing, and why.
    Nothing(&'static str),
}

/// What a report is made of.
pub(crate) struct Evidence<'a> {
    /// The runs, in the order of the summary.
    pub(crate) runs: &'a [Run],
    /// Their summary.
    pub(crate) summary: &'a Summary,
}

/// A group with its runs and its colour.
pub(crate) struct Side<'a> {
    pub(crate) group: &'a Group,
    pub(crate) runs: Vec<&'a Run>,
    /// Index of the group: decides colour and marker.
    pub(crate) index: usize,
    /// CSS class of the colour.
    pub(crate) class: String,
}

impl<'a> Evidence<'a> {
    /// The groups, in order, each with its runs.
    pub(crate) fn sides(&self) -> Vec<Side<'a>> {
        let side = |(index, group): (usize, &'a Group)| {
            let members = self.runs.iter().zip(&self.summary.runs).filter(|(_, s)| s.group == group.group);
            let runs = members.map(|(run, _)| run).collect();
            Side { group, runs, index, class: chart::group_class(index) }
        };
        self.summary.groups.iter().enumerate().map(side).collect()
    }
}

impl Side<'_> {
    /// `Forward-Forward` in its colour.
    pub(crate) fn name(&self) -> Markup {
        html! { span class={ "name " (self.class) } { (self.group.label) } }
    }

    /// For the head of a column: the long name, on a phone the short one.
    pub(crate) fn column(&self) -> Markup {
        html! {
            span class={ "name long " (self.class) } { (self.group.label) }
            span class={ "name brief " (self.class) } { (self.group.short) }
            @if self.runs.len() > 1 { br; span class="aside" { "mean of " (self.runs.len()) } }
        }
    }

    /// `Forward-Forward`, with `mean of 3 runs` where there are several.
    pub(crate) fn heading(&self) -> Markup {
        html! {
            (self.name())
            @if self.runs.len() > 1 { span class="aside" { " mean of " (self.runs.len()) " runs" } }
        }
    }
}

/// A table that scrolls within its own box where it is wider than the screen.
pub(crate) fn scrolling(name: &str, table: &Markup) -> Markup {
    html! { div class="scroll" role="region" aria-label=(name) tabindex="0" { (table) } }
}

/// Text whose hyphenated names do not break at their hyphens.
pub(crate) fn unbroken(text: &str) -> Markup {
    html! {
        @for (i, word) in text.split(' ').enumerate() {
            @if i > 0 { " " }
            // A word longer than a phone's line must break somewhere.
            @if word.contains('-') && word.chars().count() <= 20 { span class="unbroken" { (word) } }
            @else { (word) }
        }
    }
}

/// Mean of some values; `None` of none.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// The words of a page: tags become spaces, images and styles vanish.
    fn words(html: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for c in html.chars() {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    text.push(' ');
                }
                c if !inside => text.push(c),
                _ => {}
            }
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        crate::text::wrapped(&words.join(" "), "")
    }

    #[test]
    fn exhibits_are_told_apart() {
        let mut keys: Vec<&str> = EXHIBITS.iter().map(|e| e.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), EXHIBITS.len());
    }

    #[test]
    fn every_exhibit_of_a_duel() {
        let (runs, bare) = (sample::duel(&[42]), sample::unlabelled(&[42]));
        let (summary, without) = (Summary::of(&runs), Summary::of(&bare));
        for exhibit in EXHIBITS {
            let evidence = match exhibit.key() {
                "reconstruction" => Evidence { runs: &bare, summary: &without },
                _ => Evidence { runs: &runs, summary: &summary },
            };
            let Shown::Figure { html, numbers } = exhibit.show(&evidence) else {
                panic!("{} shows nothing of a duel that has everything", exhibit.key());
            };
            assert!(!numbers.is_null(), "{} has no numbers", exhibit.key());
            insta::assert_snapshot!(exhibit.key(), words(&html.into_string()));
        }
    }

    #[test]
    fn without_labels_no_error_is_shown_that_was_not_made() {
        let runs = sample::unlabelled(&[42, 43]);
        let summary = Summary::of(&runs);
        let evidence = Evidence { runs: &runs, summary: &summary };
        for exhibit in EXHIBITS {
            let shown = exhibit.show(&evidence);
            let absent = matches!(
                exhibit.key(),
                "error_by_epoch" | "error_by_time" | "confusion" | "parting" | "mistakes"
            );
            assert_eq!(absent, matches!(shown, Shown::Nothing(_)), "{}", exhibit.key());
            let Shown::Figure { html, .. } = shown else { continue };
            let words = words(&html.into_string());
            // why there is none may be said
            let named = words.contains("Test error") && exhibit.key() != "method";
            assert!(!named && !words.contains("misjudge"), "{}: {words}", exhibit.key());
        }
        insta::assert_snapshot!(crate::text::table(&summary), @r"
        learner             seed  rebuilt   train    wall  peak mem  for credit  mult-adds
        ──────────────────────────────────────────────────────────────────────────────────
        Forward-Forward       42  27.91 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation      42  24.63 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T
        Forward-Forward       43  28.06 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation      43  22.69 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T
        ──────────────────────────────────────────────────────────────────────────────────
        Forward-Forward   mean 2  27.99 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation  mean 2  23.66 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T

        FF against BP, 2 pairs: reconstruction error 1.18× [0.68×, 2.06×]; training time 1.54×; peak memory
          0.77×; kept for credit 0.29×; multiply-adds 1.97×.

        * runs/forward_forward-42: reconstruction: mean squared error 0.0187; the mean training row has
          0.0670, 27.91 % of it
        * runs/back_prop-42: reconstruction: mean squared error 0.0165; the mean training row has 0.0670,
          24.63 % of it
        * runs/forward_forward-43: reconstruction: mean squared error 0.0188; the mean training row has
          0.0670, 28.06 % of it
        * runs/back_prop-43: reconstruction: mean squared error 0.0152; the mean training row has 0.0670,
          22.69 % of it
        ");
        insta::assert_snapshot!(crate::text::verdict(&summary), @r"
        On mnist, Forward-Forward gives test rows back with 27.99 % of the mean row's squared error, and back-propagation with 23.66 %. The ratio is 1.18× [0.68×, 2.06×], which cannot be told from chance. Against back-propagation, Forward-Forward took 1.54× the training time, 0.77× the peak memory and 1.97× the multiply-adds. On this evidence it depends on what is scarce: Forward-Forward saves peak memory and spends more training time and multiply-adds.
        ");
        assert!(summary.runs.iter().all(|run| run.test_error.is_none() && run.errors_by_readout.is_empty()));
    }

    #[test]
    fn what_a_diverged_run_cannot_show_is_said() {
        let runs = [sample::diverged()];
        let summary = Summary::of(&runs);
        let evidence = Evidence { runs: &runs, summary: &summary };
        let absent = EXHIBITS.iter().filter_map(|e| match e.show(&evidence) {
            Shown::Nothing(why) => Some(format!("{}: {why}", e.key())),
            Shown::Figure { .. } => None,
        });
        insta::assert_snapshot!(absent.collect::<Vec<_>>().join("\n"), @r"
        error_by_epoch: no run was judged by labels
        error_by_time: no run was judged by labels
        reconstruction: no run was asked to give rows back
        phases: no run metered its phases
        memory: no run metered its memory
        energy: no run measured or estimated its energy
        over_time: no run sampled its power or memory
        separation: no learner here has a goodness
        rows_taught: no learner here counts the rows that still teach it
        layers: no learner here says how its layers are doing
        confusion: no run recorded a confusion matrix
        parting: no run recorded what it took for what
        features: no run recorded pictures of its features
        maps: no run recorded maps of its layers
        made_up: no run recorded pictures of made-up rows
        generated: no run recorded pictures of rows that it generated
        mistakes: no run recorded pictures of its mistakes
        ");
    }
}
