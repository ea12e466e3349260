//! The page: one HTML file that needs nothing else, and its JSON twin.
//!
//! No script, no font and no image comes from elsewhere; figures are inline SVG, pictures are data URIs. It
//! reads on a phone, on a wide screen, in light and dark, and on paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value, json};

use crate::exhibits::{EXHIBITS, Evidence, Shown, unbroken};
use crate::label;
use crate::run::Run;
use crate::summary::Summary;

/// The style sheet of the page.
const STYLE: &str = include_str!("page.css");

/// The version of the JSON twin.
pub const FORMAT: u32 = 1;

/// What a page says besides its evidence.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Title; by default the names of the learners.
    pub title: Option<String>,
    /// A line at the foot, such as the date and the command that made the page.
    pub footer: Option<String>,
}

/// Key and title of every exhibit, in the order of the page.
pub fn exhibits() -> impl Iterator<Item = (&'static str, &'static str)> {
    EXHIBITS.iter().map(|e| (e.key(), e.title()))
}

/// The report as one HTML file. `summary` must be [`Summary::of`] the same `runs`.
pub fn html(runs: &[Run], summary: &Summary, options: &Options) -> String {
    let evidence = Evidence { runs, summary };
    let title = options.title.clone().unwrap_or_else(|| title(summary));
    let shown: Vec<_> = EXHIBITS.iter().map(|e| (e, e.show(&evidence))).collect();
    let main = html! {
        @for (exhibit, shown) in &shown {
            @if let Shown::Figure { html, .. } = shown {
                section id=(exhibit.key()) { h2 { (exhibit.title()) } (html) }
            }
        }
        (absent(shown.iter().filter_map(|(e, s)| match s {
            Shown::Nothing(why) => Some((e.title(), *why)),
            Shown::Figure { .. } => None,
        }).collect()))
    };
    shell(&title, &deck(runs), &main, options.footer.as_deref())
}

/// A whole page around `main`.
pub(crate) fn shell(title: &str, deck: &str, main: &Markup, footer: Option<&str>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · adieu" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p class="brand" { "adieu" }
                    h1 { (unbroken(title)) }
                    p class="deck" { (deck) }
                }
                main { (main) }
                footer {
                    @if let Some(line) = footer { p { (line) } }
                    p { "Nothing on this page is assumed: what was not measured is marked –, and estimates say so." }
                }
            }
        }
    };
    page.into_string()
}

/// All the numbers of the page: `{format, summary, exhibits: {key: …}}`; an exhibit with nothing to show is null.
pub fn json(runs: &[Run], summary: &Summary) -> Value {
    let evidence = Evidence { runs, summary };
    let exhibits: Map<String, Value> = EXHIBITS
        .iter()
        .map(|e| match e.show(&evidence) {
            Shown::Figure { numbers, .. } => (e.key().to_string(), numbers),
            Shown::Nothing(_) => (e.key().to_string(), Value::Null),
        })
        .collect();
    json!({ "format": FORMAT, "summary": summary, "exhibits": exhibits })
}

/// `Forward-Forward against back-propagation`.
fn title(summary: &Summary) -> String {
    let labels: Vec<String> = summary.groups.iter().map(|g| label::within(&g.label)).collect();
    let text = match &labels[..] {
        [] => "No runs".into(),
        [one] => one.clone(),
        [a, b] => format!("{a} against {b}"),
        more => label::list(more),
    };
    label::starting(&text)
}

/// Data, epochs and seeds, in one line.
fn deck(runs: &[Run]) -> String {
    let unique = |of: fn(&Run) -> String| {
        let mut texts: Vec<String> = Vec::new();
        for text in runs.iter().map(of) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    };
    let seeds = unique(|r| r.start.seed.to_string());
    let seeds = if seeds.len() > 12 {
        format!("{} seeds", seeds.len())
    } else {
        format!("{} {}", if seeds.len() == 1 { "seed" } else { "seeds" }, label::list(&seeds))
    };
    let data = label::list(&unique(|r| r.start.data.name.clone()));
    let epochs = label::list(&unique(|r| format!("{} epochs", r.start.epochs)));
    let count = if runs.len() == 1 { "1 run".to_string() } else { format!("{} runs", runs.len()) };
    if runs.is_empty() { count } else { [data, epochs, seeds, count].join(" · ") }
}

/// Exhibits that have nothing to show, and why.
fn absent(absent: Vec<(&str, &str)>) -> Markup {
    html! {
        @if !absent.is_empty() {
            section id="absent" {
                h2 { "Not in this report" }
                dl class="reasons" { @for (title, why) in absent { dt { (title) } dd { (why) "." } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use proptest::prelude::*;

    fn page(runs: &[Run]) -> String {
        html(runs, &Summary::of(runs), &Options::default())
    }

    /// Every value of `name="…"` in the page.
    fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        let opening = format!(" {name}=\"");
        page.split(&opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    /// The page without its images, whose base64 may hold any letters.
    fn text(page: &str) -> String {
        let mut pieces = page.split("base64,");
        let first = pieces.next().unwrap_or("").to_string();
        pieces.fold(first, |text, piece| text + piece.split_once('"').map_or("", |(_, rest)| rest))
    }

    /// What must hold of every page.
    fn sound(page: &str) {
        let text = text(page);
        assert!(!text.contains("NaN") && !text.contains("Infinity"), "a number is not finite");
        for name in ["src", "href"] {
            let outside = attributes(page, name).into_iter().find(|v| !v.starts_with("data:"));
            assert_eq!(outside, None, "a resource lies outside the page");
        }
        assert!(!page.contains("<script") && !page.contains("url(") && !page.contains("@import"));
        let mut ids = attributes(page, "id");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "an id is used twice");
        for label in attributes(page, "aria-labelledby").iter().flat_map(|l| l.split(' ')) {
            assert!(ids.binary_search(&label).is_ok(), "nothing has the id {label}");
        }
    }

    #[test]
    fn pages_of_all_kinds_are_sound() {
        let mut half = sample::duel(&[7]);
        half[0] = sample::diverged();
        let mut bare = sample::duel(&[1]);
        for run in &mut bare {
            run.readings.clear();
            run.phases.clear();
            run.features.clear();
            run.mistakes.clear();
        }
        let cases = [
            sample::duel(&[42]),
            sample::duel(&[1, 2, 3, 4, 5]),
            vec![sample::diverged()],
            half,
            bare,
            vec![],
        ];
        for runs in &cases {
            sound(&page(runs));
        }
        sound(&page(&cases[0][..1]));
    }

    #[test]
    fn every_exhibit_is_in_the_page_and_in_its_twin() {
        let (runs, bare) = (sample::duel(&[42]), sample::unlabelled(&[42]));
        let made = |runs: &[Run]| (page(runs), json(runs, &Summary::of(runs)));
        let (labelled, without) = (made(&runs), made(&bare));
        for (key, title) in exhibits() {
            let (page, twin) = if key == "reconstruction" { &without } else { &labelled };
            assert!(
                page.contains(&format!("<section id=\"{key}\"><h2>{title}</h2>")),
                "{key} is not in the page"
            );
            assert!(!twin["exhibits"][key].is_null(), "{key} is not in the twin");
        }
        assert_eq!(labelled.1["summary"]["runs"][0]["learner"], "forward_forward");
    }

    #[test]
    fn titles_name_the_sides() {
        let runs = sample::duel(&[42]);
        assert_eq!(title(&Summary::of(&runs)), "Forward-Forward against back-propagation");
        assert_eq!(title(&Summary::of(&runs[1..])), "Back-propagation");
        assert_eq!(deck(&runs), "mnist · 12 epochs · seed 42 · 2 runs");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn hostile_names_stay_text(name in "[a-z<>&\"'/= ]{0,12}<script src=\"x\">['\"&<>]{0,4}") {
            let mut runs = sample::duel(&[3]);
            for run in &mut runs {
                run.folder.clone_from(&name);
                let start = &mut run.start;
                for text in [&mut start.name, &mut start.learner, &mut start.data.name, &mut start.data.licence] {
                    text.clone_from(&name);
                }
                start.machine.cpu = Some(name.clone());
                start.network.layers[0].name.clone_from(&name);
                start.data.classes[0].clone_from(&name);
                start.recipe = json!({ name.clone(): name });
                run.warnings[0].what.clone_from(&name);
                run.features[0].caption.clone_from(&name);
                run.mistakes[0].caption.clone_from(&name);
                run.readings[0].name.clone_from(&name);
                run.phases[0].phase.clone_from(&name);
            }
            sound(&page(&runs));
        }
    }
}
