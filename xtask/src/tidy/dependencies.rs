//! The index of dependencies: each third-party crate has a line that says what for, why this one, and its licence.

use super::Finding;

/// Where the index is.
pub const INDEX: &str = "docs/adr/dependencies.md";

/// Breaches between the root manifest's `[workspace.dependencies]` and the index's table, in both directions.
pub fn check(manifest: &str, index: &str) -> Vec<Finding> {
    let names = match third_party(manifest) {
        Ok(names) => names,
        Err(fault) => return vec![Finding::new("Cargo.toml", fault)],
    };
    let mut findings = Vec::new();
    let rows = rows(index);
    for name in &names {
        match rows.iter().filter(|(_, row)| row[0] == *name).collect::<Vec<_>>().as_slice() {
            [] => findings.push(Finding::new(
                INDEX,
                format!("no line for {name}: say what for, why this one, and its licence"),
            )),
            [(line, row)] if row.len() < 4 || row.iter().any(String::is_empty) => {
                findings.push(Finding::new(
                    format!("{INDEX}:{line}"),
                    format!("{name}: one of the four columns is empty"),
                ));
            }
            [_] => {}
            [_, (line, _), ..] => {
                findings.push(Finding::new(format!("{INDEX}:{line}"), format!("{name} has a second line")))
            }
        }
    }
    for (line, row) in rows.iter().filter(|(_, row)| !names.contains(&row[0])) {
        let what = format!("{} is not in [workspace.dependencies]: remove the line", row[0]);
        findings.push(Finding::new(format!("{INDEX}:{line}"), what));
    }
    findings
}

/// The names in `[workspace.dependencies]` that are not paths of ours.
fn third_party(manifest: &str) -> Result<Vec<String>, String> {
    let manifest: toml::Table = manifest.parse().map_err(|e| format!("{e}"))?;
    let dependencies = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let dependencies = dependencies.and_then(toml::Value::as_table).ok_or("no [workspace.dependencies]")?;
    Ok(dependencies
        .iter()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.clone())
        .collect())
}

/// The rows of the table with their lines, cells without blanks and backticks; the header and its rule are left out.
fn rows(index: &str) -> Vec<(usize, Vec<String>)> {
    let cells = |line: &str| -> Vec<String> {
        let inside = line.trim().trim_start_matches('|').trim_end_matches('|');
        inside.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let lines = index.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with('|'));
    let rows = lines.map(|(at, line)| (at + 1, cells(line)));
    rows.filter(|(_, row)| row[0] != "crate" && !row[0].chars().all(|c| matches!(c, '-' | ':'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.dependencies]\nours = { path = \"crates/ours\" }\nserde = \"1\"\nburn = { version = \"0.22\" }\n";

    #[test]
    fn both_directions() {
        let head = "# Dependencies\n\n| crate | what for | why this one | licence |\n|---|---|---|---|\n";
        let good = "| serde | a | b | MIT |\n| `burn` | a | b | MIT |\n";
        let cases = [
            (good, vec![]),
            ("| serde | a | b | MIT |\n", vec!["docs/adr/dependencies.md"]),
            ("| serde | a | b | MIT |\n| burn | a || MIT |\n", vec!["docs/adr/dependencies.md:6"]),
            ("| serde | a | b | MIT |\n| burn | a | MIT |\n", vec!["docs/adr/dependencies.md:6"]),
            (
                "| serde | a | b | MIT |\n| burn | a | b | MIT |\n| burn | a | b | MIT |\n",
                vec!["docs/adr/dependencies.md:7"],
            ),
            (
                "| serde | a | b | MIT |\n| burn | a | b | MIT |\n| old | a | b | MIT |\n",
                vec!["docs/adr/dependencies.md:7"],
            ),
        ];
        for (table, expected) in cases {
            let findings = check(MANIFEST, &format!("{head}{table}"));
            let places: Vec<&str> = findings.iter().map(|finding| finding.place.as_str()).collect();
            assert_eq!(places, expected, "{table}");
        }
        assert_eq!(check(MANIFEST, "").len(), 2);
        assert_eq!(check("[package]\n", "").len(), 1);
        assert_eq!(check("[workspace", "").len(), 1);
    }
}
