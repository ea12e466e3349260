//! A finding in words: what is wanted instead, a near name, an example that has been tried.

use super::schema::{List, Number, Numbers, Size, Table, Wanted};
use super::walk::{Cure, Finding, Part, Walk, integer_of, joined, parts};
use serde_json::{Map, Value as Json};
use toml::de::DeValue;

/// A longer example teaches less than the words before it.
const LONGEST_EXAMPLE: usize = 72;
/// How deep words and examples follow a schema, which may hold itself.
const DEEPEST: usize = 4;

/// What would be valid in place of a finding.
pub(super) fn remedy(root: &Json, finding: &Finding) -> String {
    match &finding.cure {
        Cure::Value { schema, repairs } => {
            let wanted = described(root, schema, 0);
            let mut tried = repairs.iter().filter(|repair| fits(root, repair, schema));
            let example = tried.find_map(toml_text).or_else(|| {
                let example = example(root, schema, 0)?;
                toml_text(&example)
            });
            match (example, parts(&finding.key).pop()) {
                (None, _) => format!("wanted {wanted}"),
                (Some(value), Some(Part::Key(key))) => {
                    format!("wanted {wanted}, for example `{} = {value}`", joined("", &key))
                }
                (Some(value), _) => format!("wanted {wanted}, for example `{value}`"),
            }
        }
        Cure::Name { typed, near, valid, is_key } => {
            let noun = if *is_key { "keys" } else { "names" };
            let valid_here = if valid.is_empty() {
                format!("no {noun} are valid here")
            } else {
                format!("valid {noun} here: {}", quoted(valid))
            };
            let near = near.as_ref().map(|near| format!("did you mean `{near}`? "));
            let misplaced = || is_key.then(|| elsewhere(root, typed, &finding.key)).flatten();
            format!("{}{valid_here}", near.or_else(misplaced).unwrap_or_default())
        }
        Cure::Tag { tag, kinds, written } => {
            let rename = written.as_ref().map(|key| format!("does `{key}` mean `{tag}`? "));
            let example =
                kinds.first().map(|kind| format!(", for example `{tag} = {}`", Json::from(kind.as_str())));
            let (rename, example) = (rename.unwrap_or_default(), example.unwrap_or_default());
            format!("{rename}wanted one of the names {}{example}", quoted(kinds))
        }
    }
}

/// A value of the document, named and shown.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(string) => {
            format!("a string, {}", shortened(&Json::from(string.as_ref()).to_string()))
        }
        DeValue::Integer(integer) => format!("an integer, {integer}"),
        DeValue::Float(float) => format!("a float, {}", float.as_str()),
        DeValue::Boolean(boolean) => format!("a truth value, {boolean}"),
        DeValue::Datetime(date) => format!("a date, {date}"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// `text`, or its beginning if it is long, on one line.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace(char::is_control, "\u{fffd}")
}

/// `1 item`, `2 items`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The valid name that was perhaps meant by `typed`.
pub(super) fn nearest<'a>(typed: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = valid.filter_map(|name| Some((distance(typed, name)?, name)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How far `typed` is from `name`, if it is near at all.
fn distance(typed: &str, name: &str) -> Option<usize> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let (typed, name) = (plain(typed), plain(name));
    let (a, b): (Vec<_>, Vec<_>) = (typed.chars().collect(), name.chars().collect());
    let longest = a.len().max(b.len());
    let allowed = 1.max(longest / 3);
    if a.len().abs_diff(b.len()) <= allowed {
        let slips = slips_between(&a, &b);
        if slips <= allowed && slips < longest {
            return Some(slips);
        }
    }
    // `batch_size` for `batch`, `rate` for `learning_rate`, `bp` for `back_prop`.
    let words_in =
        |few: &str, many: &str| few.split('_').all(|word| many.split('_').any(|other| other == word));
    let initials: String = name.split('_').filter_map(|word| word.chars().next()).collect();
    let kin = words_in(&typed, &name) || words_in(&name, &typed) || (initials == typed && a.len() > 1);
    kin.then_some(longest)
}

/// Letters added, dropped, changed or swapped with a neighbour between `a` and `b`: the optimal string
/// alignment distance.
fn slips_between(a: &[char], b: &[char]) -> usize {
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..=b.len()).collect()];
    for i in 1..=a.len() {
        rows.rotate_left(1);
        let [before, above, here] = &mut rows;
        *here = vec![i];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(above[j] + 1).min(here[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            here.push(least);
        }
    }
    rows[2][b.len()]
}

/// Where a key that is unknown at `path` would be known: at the top, or one table down.
fn elsewhere(root: &Json, typed: &str, path: &str) -> Option<String> {
    let top = Wanted::of(root, root);
    let keys = top.tables.first().map(|table| &table.keys)?;
    if keys.contains_key(typed) {
        return Some(format!("`{typed}` belongs at the top, before the first `[table]`. "));
    }
    let holds = |schema| Wanted::of(root, schema).tables.iter().any(|table| table.keys.contains_key(typed));
    let mut holders: Vec<_> = keys.iter().filter(|(_, schema)| holds(schema)).map(|(name, _)| name).collect();
    holders.sort();
    let place = joined(holders.first()?, typed);
    (place != path).then(|| format!("did you mean `{place}`? "))
}

/// What `schema` wants, as a noun phrase.
fn described(root: &Json, schema: &Json, depth: usize) -> String {
    let wanted = Wanted::of(root, schema);
    if wanted.anything {
        return "any value but a date".into();
    }
    if depth > DEEPEST {
        return "a value like these".into();
    }
    let mut phrases = Vec::new();
    if wanted.boolean {
        phrases.push("true or false".into());
    }
    phrases.extend(wanted.numbers.iter().map(Numbers::described));
    phrases.extend(wanted.text.map(|size| format!("a string{}", size.described("character"))));
    match wanted.names.as_slice() {
        [] => {}
        [name] => phrases.push(format!("the name `{name}`")),
        names => phrases.push(format!("one of the names {}", quoted(names))),
    }
    phrases.extend(wanted.lists.iter().map(|list| list.described(root, depth)));
    if let Some(tag) = wanted.tag() {
        phrases.push(format!("a table with a `{tag}`, one of {}", quoted(&wanted.kinds(tag))));
    } else {
        phrases.extend(wanted.tables.iter().map(Table::described));
    }
    if phrases.is_empty() {
        return "no value at all".into();
    }
    phrases.join(", or ")
}

impl Numbers {
    fn described(&self) -> String {
        let noun = if self.integer { "an integer" } else { "a number" };
        let spoken = |bound: super::schema::Bound| {
            (!bound.of_type || bound.end == Number::Integer(0)).then_some(bound)
        };
        let (low, high) = (self.low.and_then(spoken), self.high.and_then(spoken));
        if let (Some(low), Some(high)) = (low, high)
            && low.included
            && high.included
        {
            return format!("{noun} from {} to {}", low.end, high.end);
        }
        let low =
            low.map(|low| format!("{} {}", if low.included { "of at least" } else { "above" }, low.end));
        let high =
            high.map(|high| format!("{} {}", if high.included { "of at most" } else { "below" }, high.end));
        let ends: Vec<_> = low.into_iter().chain(high).collect();
        format!("{noun} {}", ends.join(" and ")).trim_end().into()
    }

    /// Numbers worth trying as an example.
    fn examples(&self) -> impl Iterator<Item = Json> {
        let ends = (self.low.map(|low| low.end), self.high.map(|high| high.end));
        let middle = match ends {
            (Some(low), Some(high)) => Some(low.as_f64() / 2.0 + high.as_f64() / 2.0),
            (Some(low), None) => Some(low.as_f64() + 1.0),
            (None, Some(high)) => Some(high.as_f64() - 1.0),
            (None, None) => None,
        };
        let middle = middle
            .map(|middle| if self.integer { Number::Integer(middle as i128) } else { Number::Float(middle) });
        let one = if self.integer { Number::Integer(1) } else { Number::Float(0.5) };
        let authors =
            [self.low, self.high].map(|bound| bound.filter(|bound| !bound.of_type).map(|bound| bound.end));
        let numbers = [Some(one), authors[0], authors[1], middle, ends.0, ends.1];
        numbers.into_iter().flatten().filter_map(Number::json)
    }
}

impl Size {
    /// ` of 1 to 5 characters`, or nothing where any size will do; `noun` is in the singular.
    fn described(self, noun: &str) -> String {
        match (self.least, self.most) {
            (0, None) => String::new(),
            (least, None) => format!(" of at least {}", counted(least, noun)),
            (0, Some(most)) => format!(" of at most {}", counted(most, noun)),
            (least, Some(most)) if least == most => format!(" of exactly {}", counted(least, noun)),
            (least, Some(most)) => format!(" of {least} to {}", counted(most, noun)),
        }
    }
}

impl List {
    fn described(&self, root: &Json, depth: usize) -> String {
        let noun = format!("a list{}", self.size.described("item"));
        if self.first.is_empty() {
            return format!("{noun}, each item {}", described(root, &self.rest, depth + 1));
        }
        let items: Vec<_> = self.first.iter().map(|item| described(root, item, depth + 1)).collect();
        format!("{noun}: {}", items.join(", then "))
    }
}

impl Table {
    fn described(&self) -> String {
        let mut keys: Vec<_> = self.keys.keys().cloned().collect();
        keys.sort();
        match (keys.as_slice(), &self.others) {
            ([], _) => "a table".into(),
            ([key], _) => format!("a table with the key `{key}`"),
            (keys, _) => format!("a table with keys among {}", quoted(keys)),
        }
    }
}

/// What was perhaps meant by `value`, where it is of the wrong kind: to be tried before it is shown.
pub(super) fn repairs(value: &DeValue<'_>, wanted: &Wanted) -> Vec<Json> {
    let (as_written, mut repairs): (_, Vec<Json>) = match value {
        DeValue::String(string) => {
            // "10" for 10, "true" for true, "mnist" for { kind = "mnist" }.
            let name = nearest(string, wanted.names.iter().map(String::as_str)).map(Json::from);
            let unquoted = serde_json::from_str(string.trim()).ok();
            let kind = wanted.tag().and_then(|tag| {
                let kinds = wanted.kinds(tag);
                let kind = nearest(string, kinds.iter().map(String::as_str))?;
                Some(Json::Object(Map::from_iter([(tag.to_string(), Json::from(kind))])))
            });
            (Some(Json::from(string.as_ref())), name.into_iter().chain(unquoted).chain(kind).collect())
        }
        DeValue::Integer(integer) => {
            let number = integer_of(integer).and_then(Number::json);
            let text = number.iter().map(|number| Json::from(number.to_string())).collect();
            (number, text)
        }
        DeValue::Float(float) => {
            let number: Option<f64> = float.as_str().parse().ok().filter(|number: &f64| number.abs() < 1e15);
            let rounded = number.map(|number| Json::from(number.round() as i64));
            (number.map(Json::from), rounded.into_iter().collect())
        }
        DeValue::Boolean(boolean) => (Some(Json::Bool(*boolean)), Vec::new()),
        DeValue::Datetime(date) => (None, vec![Json::from(date.to_string())]),
        DeValue::Array(_) | DeValue::Table(_) => (None, Vec::new()),
    };
    // 500 for [500], and 500 for [[500]].
    let in_list = as_written.map(|value| Json::from(vec![value]));
    let in_lists = in_list.clone().map(|list| Json::from(vec![list]));
    repairs.extend(in_list.into_iter().chain(in_lists));
    repairs
}

/// A short value that `schema` admits.
fn example(root: &Json, schema: &Json, depth: usize) -> Option<Json> {
    if depth > DEEPEST {
        return None;
    }
    let wanted = Wanted::of(root, schema);
    let written = schema.get("examples").and_then(|examples| examples.get(0)).or(schema.get("default"));
    let mut candidates: Vec<Json> = written.cloned().into_iter().collect();
    candidates.extend(wanted.names.first().map(|name| Json::from(name.as_str())));
    candidates.extend(wanted.numbers.iter().flat_map(Numbers::examples));
    if wanted.boolean {
        candidates.push(Json::Bool(true));
    }
    if let Some(size) = wanted.text {
        let cut = |text: &str| Json::from(text.chars().cycle().take(size.least.max(1)).collect::<String>());
        candidates.extend([Json::from("text"), cut("text")]);
    }
    for list in &wanted.lists {
        let count = list.size.least.max(1).min(list.size.most.unwrap_or(1));
        let items = (0..count).map(|index| example(root, list.item(index), depth + 1));
        candidates.extend(items.collect::<Option<Vec<_>>>().map(Json::from));
    }
    for table in &wanted.tables {
        candidates.extend(table_example(root, table, depth));
    }
    candidates.into_iter().find(|value| {
        let short = toml_text(value).is_some_and(|text| text.len() <= LONGEST_EXAMPLE);
        short && fits(root, value, schema)
    })
}

/// A table with its required keys, or its first if it requires none.
fn table_example(root: &Json, table: &Table, depth: usize) -> Option<Json> {
    let mut keys = table.required.clone();
    if keys.is_empty() {
        keys.extend(table.keys.keys().min().cloned());
    }
    let entry = |key: String| {
        let value = example(root, table.keys.get(&key)?, depth + 1)?;
        Some((key, value))
    };
    keys.into_iter().map(entry).collect::<Option<Map<_, _>>>().map(Json::Object)
}

/// Whether `schema` admits `value`.
fn fits(root: &Json, value: &Json, schema: &Json) -> bool {
    let Some(text) = toml_text(value) else { return false };
    let Ok(value) = DeValue::parse(&text) else { return false };
    let mut walk = Walk::new(root);
    walk.value("", &value, schema);
    walk.findings.is_empty()
}

/// `value` on one line of TOML, its `kind` first; `None` for null, which TOML lacks.
fn toml_text(value: &Json) -> Option<String> {
    Some(match value {
        Json::Null => return None,
        // A JSON string is a TOML basic string, but for the one control character that only TOML escapes.
        Json::String(string) => Json::from(string.as_str()).to_string().replace('\u{7f}', "\\u007f"),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(toml_text).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Json::Object(table) if table.is_empty() => "{}".into(),
        Json::Object(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| (*key != "kind", *key));
            let entry =
                |(key, value): (&String, &Json)| Some(format!("{} = {}", joined("", key), toml_text(value)?));
            format!("{{ {} }}", entries.into_iter().map(entry).collect::<Option<Vec<_>>>()?.join(", "))
        }
        scalar => scalar.to_string(),
    })
}

/// `a`, `b`, `c`.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
