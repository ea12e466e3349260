//! A little knowledge of Rust's grammar: enough to tell code from comments and strings, to find functions, test
//! items and imports.
//!
//! All functions but [`code`] take text that [`code`] made. It has the same length and the same lines as the
//! source, so offsets and line numbers mean the same in both.

use std::ops::Range;

/// The source with every comment, string and character literal replaced by spaces; line ends stay.
pub fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match end_of_no_code(bytes, at) {
            Some(end) => {
                masked.extend(bytes[at..end].iter().map(|&b| if b == b'\n' { b'\n' } else { b' ' }));
                at = end;
            }
            None => {
                masked.push(bytes[at]);
                at += 1;
            }
        }
    }
    // Whole literals were replaced, byte for byte, so what is left is text still.
    String::from_utf8_lossy(&masked).into_owned()
}

/// The end of the comment or literal that starts at `at`; `None` where code does.
fn end_of_no_code(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    match rest {
        [b'/', b'/', ..] => Some(at + find(rest, |b| b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(at + block_comment(rest)),
        [b'"', ..] => Some(at + quoted(rest, b'"')),
        [b'r', ..] if !is_name_end(bytes, at) => raw_string(rest).map(|length| at + length),
        [b'\'', b'\\', ..] => Some(at + quoted(rest, b'\'')),
        [b'\'', first, ..] => {
            let width = if *first < 0x80 { 1 } else { first.leading_ones() as usize };
            (rest.get(1 + width) == Some(&b'\'')).then_some(at + width + 2)
        }
        _ => None,
    }
}

fn find(bytes: &[u8], is: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.iter().position(|&b| is(b))
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of `r"…"`, `r#"…"#` and so on; `None` for a raw name such as `r#type` and for any other `r`.
fn raw_string(bytes: &[u8]) -> Option<usize> {
    let hashes = find(&bytes[1..], |b| b != b'#')?;
    if bytes[1 + hashes] != b'"' {
        return None;
    }
    let close = [b"\"", "#".repeat(hashes).as_bytes()].concat();
    let body = 2 + hashes;
    let end = bytes[body..].windows(close.len()).position(|window| window == close);
    Some(end.map_or(bytes.len(), |end| body + end + close.len()))
}

/// Whether the byte before `at` belongs to a name, but for the prefix of `br"…"` and `cr"…"`.
fn is_name_end(bytes: &[u8], at: usize) -> bool {
    let prefixed = at > 0 && matches!(bytes[at - 1], b'b' | b'c') && !follows_name(bytes, at - 1);
    follows_name(bytes, at) && !prefixed
}

fn follows_name(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_name_byte(bytes[at - 1])
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
}

/// Where `word` stands in the code by itself, not as part of a longer name.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    let goes_on = move |at: usize| bytes.get(at + word.len()).is_some_and(|&b| is_name_byte(b));
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| !follows_name(bytes, at) && !goes_on(at))
}

/// The line of the byte at `at`, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1
}

/// The code with every item under `#[cfg(test)]` replaced by spaces; line ends stay.
pub fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for span in test_items(code) {
        bytes[span].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many lines of a file are not under `#[cfg(test)]`.
pub fn non_test_lines(code: &str) -> usize {
    let tests = test_items(code).iter().map(|span| code[span.clone()].lines().count()).sum::<usize>();
    code.lines().count().saturating_sub(tests)
}

/// The items under `#[cfg(test)]`, attribute included.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (start, attribute) in code.match_indices("#[cfg(test)]") {
        if items.last().is_none_or(|last| start >= last.end) {
            let body = start + attribute.len();
            let end = body_or_semicolon(code, body).map_or(code.len(), |at| match code.as_bytes()[at] {
                b'{' => closing_brace(code, at) + 1,
                _ => at + 1,
            });
            items.push(start..end);
        }
    }
    items
}

/// The first `{` or `;` from `at` on that is outside round and square brackets.
fn body_or_semicolon(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    let found = code.as_bytes()[at..].iter().position(|b| {
        match b {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(b, b'{' | b';')
    });
    found.map(|offset| at + offset)
}

/// The `}` that closes the `{` at `open`, or the end of the code.
fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    let found = code.as_bytes()[open..].iter().position(|b| {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    found.map_or(code.len(), |offset| open + offset)
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// The lines from its `fn` to its closing brace, both counted.
    pub lines: usize,
}

/// Every function in the code, those inside others too.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for at in words(code, "fn") {
        let after = code[at + 2..].trim_start();
        let name: String =
            after.bytes().take_while(|&b| is_name_byte(b) || b == b'$').map(char::from).collect();
        let Some(open) = body_or_semicolon(code, at).filter(|&i| code.as_bytes()[i] == b'{') else {
            continue;
        };
        if !name.is_empty() {
            let line = line_of(code, at);
            found.push(Function {
                name,
                line,
                lines: line_of(code, closing_brace(code, open).min(code.len())) + 1 - line,
            });
        }
    }
    found
}

/// Every path that a `use` declaration imports, written out (`use a::{b, c::d as e}` is `a::b` and `a::c::d`),
/// with the line of the `use`.
pub fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "use") {
        let tree = code[at + 3..].split(';').next().unwrap_or_default();
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line_of(code, at);
        found.extend(paths_of_tree(&tree).into_iter().map(|path| (line, path)));
    }
    found
}

fn paths_of_tree(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![path.trim_start_matches("::").to_owned()];
    };
    let prefix = prefix.trim().trim_start_matches("::");
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let mut paths = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = inside[start..at].trim();
                if !branch.is_empty() {
                    paths.extend(paths_of_tree(branch).into_iter().map(|path| format!("{prefix}{path}")));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let cases: [(&str, &[&str]); 14] = [
            ("a // b\nc", &["// b"]),
            ("a /* b\n/* c */ d */ e", &["/* b", "/* c */ d */"]),
            (r#"let s = "fn \" x"; y"#, &[r#""fn \" x""#]),
            (r#"r"fn\" z"#, &[r#"r"fn\""#]),
            (r###"r##"a"# b"##; "c""###, &[r###"r##"a"# b"##"###, r#""c""#]),
            (r#"br"fn\" z"#, &[r#"r"fn\""#]),
            ("r#type z", &[]),
            (r#"for"x""#, &[r#""x""#]),
            ("'a' 'b: loop", &["'a'"]),
            (r"'\'' x '\u{1F600}' y", &[r"'\''", r"'\u{1F600}'"]),
            ("'é' x \"é\"", &["'é'", "\"é\""]),
            ("&'a str, '{'", &["'{'"]),
            ("\"// no comment\" x", &["\"// no comment\""]),
            ("x \"open", &["\"open"]),
        ];
        for (source, literals) in cases {
            let expected = literals.iter().fold(source.to_owned(), |text, literal| {
                text.replacen(literal, &" ".repeat(literal.len()), 1)
            });
            assert_eq!(code(source), expected, "{source}");
            assert_eq!(code(source).len(), source.len(), "{source}");
        }
    }

    #[test]
    fn functions_and_their_lengths() {
        let source = "fn a() {}\n\nimpl X {\n    pub fn b<T>(\n        x: [u8; 4],\n    ) -> T\n    where\n        T: Y,\n    {\n        \
                      if x { '}' }\n        // }\n    }\n    fn declared(&self);\n}\ntype F = fn(u8) -> u8;\n";
        let found = functions(&code(source));
        let expected = [("a", 1, 1), ("b", 4, 9)];
        let expected = expected.map(|(name, line, lines)| Function { name: name.into(), line, lines });
        assert_eq!(found, expected);
    }

    #[test]
    fn test_items_do_not_count() {
        let source = "fn a() {}\n#[cfg(test)]\nuse x::y;\nfn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() {\n    }\n}\n";
        assert_eq!(non_test_lines(&code(source)), 2);
        let names: Vec<String> =
            functions(&without_tests(&code(source))).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(without_tests(&code(source)).lines().count(), source.lines().count());
    }

    #[test]
    fn imports_are_written_out() {
        let source = "use std::{\n    fs, io::{self, Read as R},\n    time::Instant,\n};\npub use ::a::b;\nfn f() { use c::*; }\nlet user = 1;";
        let expected = [
            (1, "std::fs"),
            (1, "std::io::self"),
            (1, "std::io::Read"),
            (1, "std::time::Instant"),
            (5, "a::b"),
            (6, "c::*"),
        ];
        assert_eq!(imports(&code(source)), expected.map(|(line, path)| (line, path.to_owned())));
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("unsafe unsafe_code not_unsafe (unsafe)", "unsafe").collect::<Vec<_>>(), [0, 31]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
