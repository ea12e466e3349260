//! The machine, as far as it tells.

use std::collections::BTreeMap;
use std::path::Path;

use adieu_record::Machine;

use crate::tree::{field, fields, kilobytes, read, word};

/// Describes the machine by the files below `root` (`/`). What they do not tell is `None`.
///
/// `cores` is what this process may use, by its affinity and its control group, whatever `root` is. `isa` and
/// `threads` are for those to fill in who know the kernels. `other` may hold `board` (the device tree's model) and
/// `governor` (how the clock of processor 0 is chosen).
pub fn machine(root: &Path) -> Machine {
    let cpuinfo = read(root, "proc/cpuinfo").unwrap_or_default();
    let meminfo = read(root, "proc/meminfo").unwrap_or_default();
    let governor = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    let other = [("board", "proc/device-tree/model"), ("governor", governor)];
    Machine {
        cpu: cpu(&cpuinfo),
        isa: None,
        cores: std::thread::available_parallelism().ok().map(|n| n.get() as u64),
        threads: None,
        memory_bytes: field(&meminfo, "MemTotal").and_then(kilobytes),
        os: Some(os(root)),
        virtual_machine: virtual_machine(root, &cpuinfo),
        other: other.into_iter().filter_map(|(name, file)| Some((name.into(), word(root, file)?))).collect(),
    }
}

/// `model name` on x86, decoded part numbers on ARM, `cpu` on POWER, `uarch` or `isa` on RISC-V.
fn cpu(cpuinfo: &str) -> Option<String> {
    let named = |key| fields(cpuinfo, key).find(|name| !name.is_empty()).map(String::from);
    // 32-bit ARM has a `model name` too, but it names the architecture only.
    arm(cpuinfo).or_else(|| ["model name", "cpu", "uarch", "isa"].into_iter().find_map(named))
}

/// `ARM Cortex-A76`, or `4 × ARM Cortex-A55 + 4 × ARM Cortex-A76` where there are several kinds.
fn arm(cpuinfo: &str) -> Option<String> {
    let cores = fields(cpuinfo, "CPU implementer").zip(fields(cpuinfo, "CPU part"));
    let mut kinds: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (maker, part) in cores {
        *kinds.entry((hexadecimal(maker)?, hexadecimal(part)?)).or_default() += 1;
    }
    let many = kinds.len() > 1;
    let kinds = kinds.into_iter().map(|((maker, part), n)| {
        let name = arm_name(maker, part);
        if many { format!("{n} × {name}") } else { name }
    });
    let text = kinds.collect::<Vec<_>>().join(" + ");
    (!text.is_empty()).then_some(text)
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn arm_name(maker: u32, part: u32) -> String {
    let makers = [
        (0x41, "ARM"),
        (0x42, "Broadcom"),
        (0x43, "Cavium"),
        (0x46, "Fujitsu"),
        (0x48, "HiSilicon"),
        (0x4e, "NVIDIA"),
        (0x50, "APM"),
        (0x51, "Qualcomm"),
        (0x53, "Samsung"),
        (0x61, "Apple"),
        (0x6d, "Microsoft"),
        (0xc0, "Ampere"),
    ];
    let parts = [
        (0x41, 0xb76, "ARM1176"),
        (0x41, 0xc07, "Cortex-A7"),
        (0x41, 0xc08, "Cortex-A8"),
        (0x41, 0xc09, "Cortex-A9"),
        (0x41, 0xc0f, "Cortex-A15"),
        (0x41, 0xd03, "Cortex-A53"),
        (0x41, 0xd04, "Cortex-A35"),
        (0x41, 0xd05, "Cortex-A55"),
        (0x41, 0xd07, "Cortex-A57"),
        (0x41, 0xd08, "Cortex-A72"),
        (0x41, 0xd09, "Cortex-A73"),
        (0x41, 0xd0a, "Cortex-A75"),
        (0x41, 0xd0b, "Cortex-A76"),
        (0x41, 0xd0c, "Neoverse-N1"),
        (0x41, 0xd0d, "Cortex-A77"),
        (0x41, 0xd40, "Neoverse-V1"),
        (0x41, 0xd41, "Cortex-A78"),
        (0x41, 0xd42, "Cortex-A78AE"),
        (0x41, 0xd44, "Cortex-X1"),
        (0x41, 0xd46, "Cortex-A510"),
        (0x41, 0xd47, "Cortex-A710"),
        (0x41, 0xd49, "Neoverse-N2"),
        (0x41, 0xd4d, "Cortex-A715"),
        (0x41, 0xd4f, "Neoverse-V2"),
        (0x41, 0xd80, "Cortex-A520"),
        (0x41, 0xd81, "Cortex-A720"),
        (0x46, 0x001, "A64FX"),
        (0x4e, 0x003, "Denver 2"),
        (0x4e, 0x004, "Carmel"),
    ];
    let maker_name = makers.iter().find(|(m, _)| *m == maker).map(|(_, name)| (*name).to_owned());
    let maker_name = maker_name.unwrap_or_else(|| format!("implementer {maker:#04x}"));
    match parts.iter().find(|(m, p, _)| (*m, *p) == (maker, part)) {
        Some((.., name)) => format!("{maker_name} {name}"),
        None => format!("{maker_name} part {part:#05x}"),
    }
}

/// `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`; the system the program was built for if the files say nothing.
fn os(root: &Path) -> String {
    let release = read(root, "etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map(|n| n.trim().trim_matches('"').trim().to_owned()).filter(|n| !n.is_empty());
    let kernel = word(root, "proc/sys/kernel/osrelease").map(|version| {
        let kind = word(root, "proc/sys/kernel/ostype").unwrap_or_else(|| "Linux".into());
        format!("{kind} {version}")
    });
    let parts: Vec<String> = name.into_iter().chain(kernel).collect();
    if parts.is_empty() { std::env::consts::OS.into() } else { parts.join(", ") }
}

/// By the `hypervisor` flag on x86. ARM has no such flag: there only a hypervisor that shows itself is seen.
fn virtual_machine(root: &Path, cpuinfo: &str) -> Option<bool> {
    let flags =
        field(cpuinfo, "flags").map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    let shown =
        root.join("proc/device-tree/hypervisor").exists() || word(root, "sys/hypervisor/type").is_some();
    if shown { Some(true) } else { flags }
}
