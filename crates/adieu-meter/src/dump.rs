//! The files that sensors are, as text: what a bug report needs, and what a made-up tree for a test is made of.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Single files.
const FILES: [&str; 12] = [
    "etc/os-release",
    "proc/cpuinfo",
    "proc/device-tree/model",
    "proc/meminfo",
    "proc/self/cgroup",
    "proc/self/io",
    "proc/self/mountinfo",
    "proc/self/schedstat",
    "proc/self/smaps_rollup",
    "proc/self/status",
    "proc/stat",
    "proc/sys/kernel/osrelease",
];
/// Folders, with all below them.
const FOLDERS: [&str; 9] = [
    "sys/bus/i2c/drivers/ina3221",
    "sys/bus/i2c/drivers/ina3221x",
    "sys/class/devfreq",
    "sys/class/drm",
    "sys/class/hwmon",
    "sys/class/powercap",
    "sys/class/power_supply",
    "sys/class/thermal",
    "sys/devices/system/cpu",
];
/// Links to elsewhere in sysfs: round and round.
const LINKS: [&str; 7] = ["device", "subsystem", "driver", "firmware_node", "of_node", "power", "module"];
/// No sensor is longer.
const LONGEST: usize = 4096;
const DEEPEST: u32 = 4;

/// Every file below `root` that sensors read or may be made of: its path, and what it says or why it says nothing.
/// Serial numbers are left out. Some drivers wake their device when they are asked, which may take seconds.
pub fn dump(root: &Path) -> String {
    let mut text = String::new();
    for file in FILES {
        tell(root, file, usize::MAX, &mut text);
    }
    for folder in FOLDERS {
        walk(root, folder, DEEPEST, &mut text);
    }
    text
}

fn walk(root: &Path, folder: &str, deep: u32, text: &mut String) {
    for name in crate::found::entries(root, folder) {
        let path = format!("{folder}/{name}");
        // Follows the links that classes are made of.
        let Ok(kind) = fs::metadata(root.join(&path)) else { continue };
        if kind.is_dir() && deep > 0 && !LINKS.contains(&name.as_str()) {
            walk(root, &path, deep - 1, text);
        } else if kind.is_file() && !name.contains("serial") {
            tell(root, &path, LONGEST, text);
        }
    }
}

fn tell(root: &Path, file: &str, longest: usize, text: &mut String) {
    let _ = match fs::read(root.join(file)) {
        Ok(bytes) if bytes.len() <= longest => {
            let said = String::from_utf8_lossy(&bytes);
            let said = said.trim_end_matches(['\n', '\0']);
            if file == "proc/stat" {
                writeln!(text, "== {file}\n{}", said.lines().next().unwrap_or_default())
            } else {
                writeln!(text, "== {file}\n{said}")
            }
        }
        Ok(bytes) => writeln!(text, "== {file}: {} bytes", bytes.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => writeln!(text, "== {file}: {error}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_told_and_loops_are_not_followed() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        put("proc/stat", "cpu 1 2 3\ncpu0 1 2 3\n");
        put("sys/class/hwmon/hwmon0/power1_input", "7\n");
        put("sys/class/hwmon/hwmon0/serial_number", "S3CR3T\n");
        put("sys/class/hwmon/hwmon0/device/hwmon/hwmon0/power1_input", "7\n");
        put("sys/class/hwmon/hwmon0/table", &"x".repeat(5000));
        let expected = "== proc/stat\ncpu 1 2 3\n== sys/class/hwmon/hwmon0/power1_input\n7\n\
                        == sys/class/hwmon/hwmon0/table: 5000 bytes\n";
        assert_eq!(dump(root.path()), expected);
    }
}
