//! The resolved recipes, every default spelled out.

use maud::html;
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side};
use crate::label;
use crate::run::Run;

/// Longest line of a recipe, where it can be broken.
const MOST_COLUMNS: usize = 88;

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
                        pre tabindex="0" { (laid_out(&run.start.recipe, 0)) }
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

/// JSON for people: what fits a line stays on one.
fn laid_out(value: &Value, depth: usize) -> String {
    let (open, items, close): (_, Vec<String>, _) = match value {
        Value::Array(items) => ('[', items.iter().map(|v| laid_out(v, depth + 1)).collect(), ']'),
        Value::Object(map) => {
            let item = |(key, v): (&String, &Value)| format!("{}: {}", json!(key), laid_out(v, depth + 1));
            ('{', map.iter().map(item).collect(), '}')
        }
        scalar => return scalar.to_string(),
    };
    let flat = items.join(", ");
    let fits = depth > 0 && 2 * depth + flat.chars().count() <= MOST_COLUMNS && !flat.contains('\n');
    if fits || items.is_empty() {
        let gap = if open == '{' && !items.is_empty() { " " } else { "" };
        return format!("{open}{gap}{flat}{gap}{close}");
    }
    let indent = "  ".repeat(depth + 1);
    format!("{open}\n{indent}{}\n{}{close}", items.join(&format!(",\n{indent}")), "  ".repeat(depth))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tables_stay_on_one_line_and_nothing_is_lost() {
        let recipe = json!({ "seed": 1, "data": { "kind": "mnist" }, "blocks": [[1000], [1000]], "empty": {},
            "long": (0..60).collect::<Vec<u32>>() });
        let text = laid_out(&recipe, 0);
        assert!(text.contains("\n  \"data\": { \"kind\": \"mnist\" },\n"), "{text}");
        assert!(text.contains("\"blocks\": [[1000], [1000]]"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), recipe);
    }
}
