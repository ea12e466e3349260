//! Control groups: what the process's group, a container as a rule, uses and is denied.
//!
//! `group_memory` and `group_memory_peak`, bytes of the whole group, page cache included: v2 `memory.current` and
//! `memory.peak` (Linux 5.19), v1 `memory.usage_in_bytes` and `memory.max_usage_in_bytes`. `group_throttled`, seconds that
//! the group was kept from running by its quota, `throttled_usec` of v2's `cpu.stat`, `throttled_time` of v1's: a timing
//! in which it grows is no timing.
//!
//! The group is looked up in `/proc/self/cgroup` and its place in `/proc/self/mountinfo`, for each controller by itself:
//! machines that run both versions have some controllers here and some there.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, garbage, reading, text};
use crate::{About, Meter, tree};

const CLOSED: &str = "run where the process may read its own control group";

/// One reading, by the file of either version.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    unit: Unit,
    controller: &'static str,
    /// File, and the key in it if it has several lines.
    second: (&'static str, Option<&'static str>),
    first: (&'static str, Option<&'static str>),
    /// What the number is multiplied by, in version 2 and in version 1.
    scale: [f64; 2],
}

const MEMORY: Kind = Kind {
    name: "group_memory",
    unit: Unit::Bytes,
    controller: "memory",
    second: ("memory.current", None),
    first: ("memory.usage_in_bytes", None),
    scale: [1.0, 1.0],
};
const PEAK: Kind = Kind {
    name: "group_memory_peak",
    second: ("memory.peak", None),
    first: ("memory.max_usage_in_bytes", None),
    ..MEMORY
};
const THROTTLED: Kind = Kind {
    name: "group_throttled",
    unit: Unit::Seconds,
    controller: "cpu",
    second: ("cpu.stat", Some("throttled_usec")),
    first: ("cpu.stat", Some("throttled_time")),
    scale: [1e-6, 1e-9],
};

/// A number in a file of the group, found once: processes hardly ever change groups.
#[derive(Clone, Debug)]
struct Place {
    file: String,
    key: Option<&'static str>,
    scale: f64,
}

/// A meter of control groups.
#[derive(Clone, Debug)]
pub struct ControlGroup {
    root: PathBuf,
    kinds: Vec<(Kind, Found<Place>)>,
    about: About,
}

impl ControlGroup {
    /// The `group_memory` meter, below `root`.
    pub fn memory(root: &Path) -> ControlGroup {
        let about =
            About { source: "control group, memory", unit: Unit::Bytes, resolution: 4096.0, cost_ns: 15_000 };
        ControlGroup::of(root, &[MEMORY, PEAK], about)
    }

    /// The `group_throttled` meter, below `root`.
    pub fn throttled(root: &Path) -> ControlGroup {
        let source = "control group, cpu.stat";
        let about = About { source, unit: Unit::Seconds, resolution: 1e-6, cost_ns: 8_000 };
        ControlGroup::of(root, &[THROTTLED], about)
    }

    fn of(root: &Path, kinds: &[Kind], about: About) -> ControlGroup {
        let kinds = kinds.iter().map(|kind| (*kind, place(root, kind))).collect();
        ControlGroup { root: root.into(), kinds, about }
    }

    fn find(&self, place: &Place) -> Found<f64> {
        let text = text(&self.root, &place.file, "the group was removed; begin again", CLOSED)?;
        let number = number(&text, place.key).and_then(|number| number.trim().parse::<u64>().ok());
        let number = number.ok_or_else(|| garbage(&self.root, &place.file, &text))?;
        Ok(number as f64 * place.scale)
    }
}

/// The text itself, or what follows `key` in its line.
fn number<'a>(text: &'a str, key: Option<&str>) -> Option<&'a str> {
    match key {
        None => Some(text.trim()),
        Some(key) => text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')),
    }
}

/// Where the number of `kind` stands: version 2 before version 1.
fn place(root: &Path, kind: &Kind) -> Found<Place> {
    let remedy = "run on Linux with control groups";
    let groups = text(root, "proc/self/cgroup", remedy, CLOSED)?;
    let mounts = text(root, "proc/self/mountinfo", remedy, CLOSED)?;
    let second = (None, kind.second, kind.scale[0]);
    let first = (Some(kind.controller), kind.first, kind.scale[1]);
    let mut tried = Vec::new();
    for (controller, (file, key), scale) in [second, first] {
        let Some(folder) = folder(root, &groups, &mounts, controller) else { continue };
        let file = format!("{folder}/{file}");
        match tree::read(root, &file) {
            Ok(text) if number(&text, key).is_some() => return Ok(Place { file, key, scale }),
            Ok(_) => tried.push(format!("{} of {file}", key.unwrap_or_default())),
            Err(_) => tried.push(file),
        }
    }
    let why = match tried.as_slice() {
        [] => format!("the process is in no control group of {}", kind.controller),
        tried => format!("its control group has no {}", tried.join(" and no ")),
    };
    Err(Missing::new(why, "enable the controller for the group; memory.peak needs Linux 5.19"))
}

/// The folder, below the root, of the process's group in version 2, or of a controller of version 1.
fn folder(root: &Path, groups: &str, mounts: &str, controller: Option<&str>) -> Option<String> {
    let group = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match controller {
            None => controllers.is_empty(),
            Some(controller) => controllers.split(',').any(|name| name == controller),
        };
        is_it.then_some(group)
    })?;
    let (seen_as, place) = mounts.lines().find_map(|line| {
        // id parent device root place options … - kind source more-options
        let (head, tail) = line.split_once(" - ")?;
        let (head, tail): (Vec<&str>, Vec<&str>) = (head.split(' ').collect(), tail.split(' ').collect());
        let is_it = match controller {
            None => tail.first() == Some(&"cgroup2"),
            Some(controller) => {
                tail.first() == Some(&"cgroup") && tail.get(2)?.split(',').any(|name| name == controller)
            }
        };
        is_it.then_some((*head.get(3)?, *head.get(4)?))
    })?;
    let place = place.trim_start_matches('/');
    // In a container the group's own folder may be what is mounted, under the name it has outside.
    let below = group.strip_prefix(seen_as.trim_end_matches('/')).unwrap_or(group).trim_matches('/');
    let whole = format!("{place}/{below}");
    let whole = whole.trim_end_matches('/');
    Some(if root.join(whole).is_dir() { whole.to_owned() } else { place.to_owned() })
}

impl Meter for ControlGroup {
    fn name(&self) -> &'static str {
        self.kinds[0].0.name
    }

    fn about(&self) -> About {
        self.about
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        for (kind, place) in &self.kinds {
            let value = place.as_ref().map_err(Clone::clone).and_then(|place| self.find(place));
            out.push(reading(kind.name, None, kind.unit, self.about.source, &value));
        }
    }
}
