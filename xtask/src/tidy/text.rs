//! Text of every kind: no path of some machine, no link that leads nowhere.

use std::collections::BTreeSet;

use super::{Exception, Finding, repository::Files};

/// Files that may name a machine's paths.
pub const MACHINE_PATHS: &[Exception] = &[];

/// Starts of absolute paths that exist on one machine only. In two pieces, so that this file does not name them.
const MACHINE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("C:\\", "Users"),
];

/// What no file may contain anywhere.
const NEVER: &[&str] = &[concat!("../sha", "red")];

/// Lines that name a path of some machine.
pub fn machine_paths(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (at, line) in text.lines().enumerate() {
            let machine = MACHINE
                .iter()
                .find(|start| line.match_indices(**start).any(|(i, _)| is_absolute(&line[..i])));
            let never = NEVER.iter().find(|never| line.contains(**never));
            if let Some(found) = machine.or(never) {
                let what = format!("names {found}, which only one machine has");
                findings.push(Finding::new(format!("{path}:{}", at + 1), what));
            }
        }
    }
    findings
}

/// Whether a path that starts after `before` starts at the root: `a/home/b` and `../home/b` do not.
fn is_absolute(before: &str) -> bool {
    !before.ends_with(|c: char| {
        c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '}' | ')' | '*' | '>')
    })
}

/// Relative links in Markdown files that lead to no file, no folder or no heading of the repository.
pub fn links(files: &Files, paths: &[String]) -> Vec<Finding> {
    let mut places: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    for path in paths {
        places.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
    }
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, link) in links_of(text) {
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let resolved = if target.is_empty() { Some(path.clone()) } else { resolve(path, target) };
            let what = match resolved {
                Some(target) if target.is_empty() => continue, // the root itself
                Some(target) if places.contains(target.as_str()) => match files.get(&target) {
                    Some(text)
                        if target.ends_with(".md")
                            && !anchor.is_empty()
                            && !anchors(text).contains(anchor) =>
                    {
                        format!("link to {link}: {target} has no such heading")
                    }
                    _ => continue,
                },
                _ => format!("link to {link}: no such file or folder in the repository"),
            };
            findings.push(Finding::new(format!("{path}:{line}"), what));
        }
    }
    findings
}

/// The relative links of a Markdown text with their lines: `[…](link)`, `[…]: link`, `src="link"`, `href="link"`.
fn links_of(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, prose) in prose(text) {
        for (start, end) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for (at, _) in prose.match_indices(start) {
                let rest = &prose[at + start.len()..];
                found.push((line, rest.split(end).next().unwrap_or(rest).to_owned()));
            }
        }
        if prose.trim_start().starts_with('[')
            && let Some((_, link)) = prose.split_once("]: ")
        {
            found.push((line, link.to_owned()));
        }
    }
    for (_, link) in &mut found {
        // `link "title"` and `<link>`
        let bare = link.split_whitespace().next().unwrap_or_default();
        *link = bare.trim_start_matches('<').trim_end_matches('>').to_owned();
    }
    found.retain(|(_, link)| !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:"));
    found
}

/// The lines outside fenced blocks, from 1, without their `code spans`.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let opener = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, opener) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let spans = line.split('`').step_by(2).collect::<Vec<_>>();
                lines.push((at + 1, spans.join("")));
            }
        }
    }
    lines
}

/// `target`, seen from the folder of the file `from`, as a path from the root; `None` where it leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The anchors that a Markdown text's headings make: lower case, blanks as hyphens, other punctuation dropped, and
/// a number after a second heading of the same name.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let fences = prose(text);
    let lines: Vec<&str> = text.lines().collect();
    for (line, _) in fences {
        let heading = lines[line - 1];
        let title = heading.trim_start_matches('#');
        if title.len() == heading.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String =
            kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let mut number = 0;
        let mut anchor = slug.clone();
        while !anchors.insert(anchor) {
            number += 1;
            anchor = format!("{slug}-{number}");
        }
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn broken(list: &[(&str, &str)]) -> Vec<String> {
        let files = files(list);
        let paths: Vec<String> = files.keys().cloned().collect();
        links(&files, &paths).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn machine_paths_are_absolute() {
        let [work, home, ..] = MACHINE else { panic!("the list shrank") };
        let bad = [
            format!("{work}data"),
            format!("see `{home}me/x`"),
            format!("file://{work}x"),
            format!("\"{work}\""),
            format!("a {}/x", NEVER[0]),
        ];
        for line in bad {
            let findings = machine_paths(&files(&[("a.txt", &format!("first\n{line}\n"))]));
            assert_eq!(findings.len(), 1, "{line}");
            assert_eq!(findings[0].place, "a.txt:2");
        }
        for line in [
            format!("a{home}b"),
            format!("https://x.org{work}y"),
            format!("..{home}b"),
            "work/".into(),
            "/workspace".into(),
        ] {
            assert_eq!(machine_paths(&files(&[("a.txt", &line)])), [], "{line}");
        }
    }

    #[test]
    fn links_lead_somewhere() {
        let other = ("docs/b.md", "# A `b`: c, d\n\n```\n# Not a heading\n```\n## Twice\n## Twice\n");
        for good in [
            "[x](docs/b.md)",
            "[x](./docs/b.md \"title\") ![y](docs/pic.png)",
            "[x](docs)",
            "[x](docs/)",
            "[x](docs/b.md#a-b-c-d)",
            "[x](docs/b.md#twice-1)",
            "[x](#top)\n# Top",
            "[x]: docs/b.md",
            "<img src=\"docs/pic.png\">",
            "[x](https://nowhere.example/a) [y](mailto:a@b.c)",
            "`[x](nowhere.md)`",
            "```\n[x](nowhere.md)\n```",
            "[x](docs/../docs/b.md)",
            "fn(a: &[u8]): word",
        ] {
            let place = broken(&[("README.md", good), other, ("docs/pic.png", "")]);
            assert_eq!(place, Vec::<String>::new(), "{good}");
        }
        for bad in [
            "[x](b.md)",
            "[x](docs/c.md)",
            "[x](../README.md)",
            "[x](/docs/b.md)",
            "[x](docs/b.md#nowhere)",
            "[x](docs/b.md#not-a-heading)",
            "[x](docs/b.md#twice-2)",
            "[x](#nowhere)",
            "[x]: nowhere.md",
            "<img src=\"nowhere.png\">",
            "[a](docs/b.md) [x](nowhere.md)",
        ] {
            assert_eq!(broken(&[("README.md", bad), other]), ["README.md:1"], "{bad}");
        }
        assert_eq!(
            broken(&[("docs/a.md", "[x](../README.md) [y](b.md)"), ("README.md", ""), other]),
            Vec::<String>::new()
        );
    }
}
