//! The resolved recipes, every default spelled out.

use maud::html;
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side};
use crate::label;
use crate::run::Run;

pub(super) struct Recipes;

impl Exhibit for Recipes {
    fn key(&self) -> &'static str {
        "recipes"
    }

    fn title(&self) -> &'static str {
        "Recipes"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let sides = evidence.sides();
        if sides.is_empty() {
            return Shown::Nothing("there is no run");
        }
        let html = html! {
            @for side in &sides {
                @for (run, seeds) in distinct(side) {
                    details {
                        summary {
                            span class={ "name " (side.class) } { (side.group.label) }
                            ": " (run.start.name) ", " (if seeds.len() == 1 { "seed " } else { "seeds " }) (label::list(&seeds))
                        }
                        pre tabindex="0" { (serde_json::to_string_pretty(&run.start.recipe).unwrap_or_default()) }
                    }
                }
            }
            p class="note" { "As resolved before training, every default spelled out. Run again with the same recipe and \
                seed, a run repeats itself." }
        };
        let numbers = evidence.runs.iter().map(|r| json!({ "run": r.folder, "recipe": r.start.recipe }));
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// Recipes that differ in more than the seed, with their seeds.
fn distinct<'a>(side: &Side<'a>) -> Vec<(&'a Run, Vec<String>)> {
    let mut recipes: Vec<(&Run, Vec<String>)> = Vec::new();
    for run in &side.runs {
        let same = recipes.iter_mut().find(|(r, _)| seedless(r) == seedless(run));
        match same {
            Some((_, seeds)) => seeds.push(run.start.seed.to_string()),
            None => recipes.push((run, vec![run.start.seed.to_string()])),
        }
    }
    recipes
}

fn seedless(run: &Run) -> Value {
    let mut recipe = run.start.recipe.clone();
    if let Some(table) = recipe.as_object_mut() {
        table.remove("seed");
    }
    recipe
}
