//! Every meter of the registry, on this machine and on made-up ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use adieu_meter::{Meter, Setup, all, machine, sensors};
use adieu_record::lint::lint;
use adieu_record::{Event, Machine, Reading, Stamped, Unit, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

/// A folder that holds these files.
fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, bytes) in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    root
}

fn read_all(meters: &mut [Box<dyn Meter>]) -> Vec<Reading> {
    let mut readings = Vec::new();
    meters.iter_mut().for_each(|m| m.read(&mut readings));
    readings
}

fn value(readings: &[Reading], name: &str) -> Option<f64> {
    let reading = readings.iter().find(|r| r.name == name && r.part.is_none()).unwrap();
    if let Value::Measured { value, .. } = reading.value { Some(value) } else { None }
}

fn excuse(readings: &[Reading], name: &str) -> (String, String) {
    match &readings.iter().find(|r| r.name == name).unwrap().value {
        Value::Unavailable { why, remedy } => (why.clone(), remedy.clone()),
        other => panic!("{name}: {other:?}"),
    }
}

/// What the record's linter has to say of these readings.
fn faults(readings: &[Reading]) -> Vec<String> {
    let event =
        Event::Metered { epoch: 0, step: 0, train_ns: 0, phases: vec![], readings: readings.to_vec() };
    let findings = lint(&[Stamped { seq: 0, at_ns: 0, event }], &[]);
    findings
        .iter()
        .filter(|f| f.rule == adieu_record::lint::Rule::Readings)
        .map(ToString::to_string)
        .collect()
}

#[test]
fn each_meter_keeps_its_word() {
    let empty = tree(&[]);
    for root in [Path::new("/"), empty.path()] {
        let mut names = Vec::new();
        for mut meter in sensors(&Setup::below(root)) {
            let about = meter.about();
            assert!(!about.source.is_empty() && about.cost_ns > 0 && about.resolution > 0.0, "{about:?}");
            let (mut first, mut second) = (Vec::new(), Vec::new());
            meter.read(&mut first);
            meter.read(&mut second);
            assert_eq!(first[0].name, meter.name());
            let who = |readings: &[Reading]| -> Vec<_> {
                readings.iter().map(|r| (r.name.clone(), r.part.clone(), r.unit)).collect()
            };
            assert_eq!(who(&first), who(&second), "the same readings, every time");
            for reading in &first {
                assert_eq!(reading.unit, about.unit, "{reading:?}");
                if let Value::Measured { source, .. } = &reading.value {
                    assert!(source.starts_with(about.source), "{source}, not {}", about.source);
                }
            }
            assert_eq!(faults(&first), [""; 0]);
            names.extend(first.into_iter().map(|r| (r.name, r.part)));
        }
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "no two meters say the same");
    }
}

#[test]
fn wall_time_goes_on() {
    let mut meters = all(&Setup::default());
    let first = value(&read_all(&mut meters), "wall").unwrap();
    let second = value(&read_all(&mut meters), "wall").unwrap();
    assert!(0.0 < first && first < second && second < 60.0, "{first}, {second}");
}

#[cfg(unix)]
#[test]
fn cpu_time_grows_with_work_and_counts_all_threads() {
    let mut meters = all(&Setup::default());
    let mut cpu = || value(&read_all(&mut meters), "cpu_time").unwrap();
    let before = cpu();
    let start = std::time::Instant::now();
    // 20 ms on a processor, in another thread. Other processes may delay it, but not shorten it.
    std::thread::spawn(move || {
        let mut sum = 0_u64;
        while cpu_of_thread() < 0.02 {
            sum = std::hint::black_box(sum.wrapping_mul(3) + 1);
        }
    })
    .join()
    .unwrap();
    let grown = cpu() - before;
    // Other tests of this process may run beside it, on as many processors as there are.
    let most = start.elapsed().as_secs_f64() * 1024.0;
    assert!((0.02..most).contains(&grown), "{grown} s");
}

#[cfg(unix)]
fn cpu_of_thread() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

#[cfg(target_os = "linux")]
#[test]
fn resident_memory_grows_with_what_is_touched() {
    const BYTES: usize = 64 << 20;
    // The kernel may hold back some pages of its count for each processor.
    const SLACK: f64 = (8 << 20) as f64;
    let mut meters = all(&Setup::default());
    let before = value(&read_all(&mut meters), "resident").unwrap();
    let touched = std::hint::black_box(vec![1_u8; BYTES]);
    let with = read_all(&mut meters);
    drop(touched);
    let after = read_all(&mut meters);
    let (resident, peak) = (value(&with, "resident").unwrap(), value(&after, "resident_peak").unwrap());
    assert!(resident - before > BYTES as f64 - SLACK, "{before} → {resident}");
    assert!(peak > BYTES as f64 && peak >= value(&after, "resident").unwrap() - SLACK, "{peak}");
    let memory = machine(Path::new("/")).memory_bytes.unwrap() as f64;
    assert!(peak < memory, "{peak} of {memory}");
}

#[test]
fn without_the_allocator_there_are_no_figures() {
    assert!(!adieu_meter::alloc::installed());
    let readings = read_all(&mut all(&Setup::default()));
    for name in ["allocated", "allocated_peak"] {
        let (why, remedy) = excuse(&readings, name);
        assert_eq!(why, "the program was built without the counting allocator");
        assert!(remedy.contains("#[global_allocator]"), "{remedy}");
    }
}

#[test]
fn resident_memory_is_read_below_the_root() {
    let status =
        b"Name:\tadieu\nVmPeak:\t    9000 kB\nVmHWM:\t    1692 kB\nVmRSS:\t    1024 kB\nThreads:\t1\n";
    let root = tree(&[("proc/self/status", status)]);
    let readings = read_all(&mut all(&Setup::below(root.path())));
    assert_eq!(value(&readings, "resident"), Some(1_048_576.0));
    assert_eq!(value(&readings, "resident_peak"), Some(1_732_608.0));
}

#[test]
fn resident_memory_that_cannot_be_read_says_why() {
    let missing = tree(&[]);
    let hidden = tree(&[("proc/self/status", b"Name:\tadieu\nVmRSS:\t 12 kB\nThreads:\t1\n")]);
    let zero = tree(&[("proc/self/status", b"VmHWM:\t0 kB\nVmRSS:\t0 kB\n")]);
    let folder = tree(&[("proc/self/status/x", b"")]);
    let cases = [
        (&missing, "resident", "/proc/self/status does not exist"),
        (&missing, "resident_peak", "/proc/self/status does not exist"),
        (&hidden, "resident_peak", "/proc/self/status has no readable VmHWM line"),
        (&zero, "resident", "/proc/self/status has no readable VmRSS line"),
        (&folder, "resident", "/proc/self/status: "),
    ];
    for (root, name, expected) in cases {
        let (why, remedy) = excuse(&read_all(&mut all(&Setup::below(root.path()))), name);
        assert!(why.starts_with(&root.path().display().to_string()), "{why}");
        assert!(why.contains(expected) && !remedy.is_empty(), "{why}; {remedy}");
    }
}

/// (files, what the machine is)
type Case<'a> = (&'a [(&'a str, &'a [u8])], Machine);

fn described(
    cpu: Option<&str>,
    memory_bytes: Option<u64>,
    os: &str,
    virtual_machine: Option<bool>,
) -> Machine {
    let (cpu, os) = (cpu.map(Into::into), Some(os.into()));
    Machine { cpu, memory_bytes, os, virtual_machine, ..Machine::default() }
}

#[test]
fn machines_are_described_by_their_files() {
    let x86 = b"processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse2 hypervisor avx2\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n";
    let metal = b"processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\nflags\t\t: fpu sse2 nohypervisor\n";
    let core = |part: &str| format!("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n");
    let pi = core("0xd0b").repeat(4);
    let both = core("0xd05").repeat(4) + &core("0xd0b").repeat(2);
    let old = "processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\nCPU implementer\t: 0x41\nCPU part\t: 0xc07\n";
    let unknown = "CPU implementer\t: 0x7f\nCPU part\t: 0x001\n";
    let debian = b"NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let memory = b"MemTotal:       24684084 kB\nMemFree:        21951388 kB\n";
    let governor = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    let here = std::env::consts::OS;
    let pi_other = [("board", "Raspberry Pi 5"), ("governor", "ondemand")];
    let pi_other = pi_other.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let cases: &[Case<'_>] = &[
        (
            &[
                ("proc/cpuinfo", x86),
                ("proc/meminfo", memory),
                ("etc/os-release", debian),
                ("proc/sys/kernel/osrelease", b"6.1.0\n"),
                ("proc/sys/kernel/ostype", b"Linux\n"),
            ],
            described(
                Some("AMD EPYC"),
                Some(25_276_502_016),
                "Debian GNU/Linux 12 (bookworm), Linux 6.1.0",
                Some(true),
            ),
        ),
        (&[("proc/cpuinfo", metal)], described(Some("Intel(R) Xeon(R)"), None, here, Some(false))),
        (
            &[
                ("proc/cpuinfo", pi.as_bytes()),
                ("proc/device-tree/model", b"Raspberry Pi 5\0"),
                (governor, b"ondemand\n"),
                ("proc/sys/kernel/osrelease", b"6.6\n"),
            ],
            Machine { other: pi_other, ..described(Some("ARM Cortex-A76"), None, "Linux 6.6", None) },
        ),
        (
            &[("proc/cpuinfo", both.as_bytes()), ("proc/device-tree/hypervisor/compatible", b"kvm")],
            described(Some("4 × ARM Cortex-A55 + 2 × ARM Cortex-A76"), None, here, Some(true)),
        ),
        (&[("proc/cpuinfo", old.as_bytes())], described(Some("ARM Cortex-A7"), None, here, None)),
        (
            &[("proc/cpuinfo", unknown.as_bytes()), ("sys/hypervisor/type", b"xen\n")],
            described(Some("implementer 0x7f part 0x001"), None, here, Some(true)),
        ),
        (
            &[("proc/cpuinfo", b"hart\t: 0\nuarch\t: sifive,u74\n")],
            described(Some("sifive,u74"), None, here, None),
        ),
        (
            &[("proc/cpuinfo", b"model name\t: \nflags\t:\n"), ("proc/meminfo", b"MemTotal: 0 kB\n")],
            described(None, None, here, Some(false)),
        ),
        (&[], described(None, None, here, None)),
    ];
    for (files, expected) in cases {
        let cores = std::thread::available_parallelism().ok().map(|n| n.get() as u64);
        assert_eq!(machine(tree(files).path()), Machine { cores, ..expected.clone() });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn this_machine_tells_of_itself() {
    let here = machine(Path::new("/"));
    assert!(here.cores.unwrap() >= 1);
    assert!(here.memory_bytes.unwrap() > 64 << 20);
    assert!(here.os.unwrap().contains("Linux "));
    assert_eq!((here.isa, here.threads), (None, None), "these are for others to fill in");
}

/// Lines such as the kernel's, broken in every way.
fn kernel_text(keys: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![proptest::sample::select(keys).prop_map(String::from), "[a-zA-Z ]{0,8}"];
    let number = prop_oneof![Just(0_u128), 0..5000_u128, any::<u64>().prop_map(u128::from), any::<u128>()];
    let value = prop_oneof![
        (number.clone(), "[ \t]{0,2}", prop_oneof![Just("kB"), Just("MB"), Just("")])
            .prop_map(|(n, gap, unit)| format!("{n}{gap}{unit}")),
        number.prop_map(|n| format!("{n:#x}")),
        any::<String>(),
    ];
    let line = (key, prop_oneof![Just(":"), Just("\t: "), Just(" "), Just("")], value)
        .prop_map(|(key, colon, value)| format!("{key}{colon}{value}\n").into_bytes());
    let garbage = vec(any::<u8>(), 0..40);
    vec(prop_oneof![4 => line, 1 => garbage], 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn garbage_is_never_zero(status in kernel_text(&["VmRSS", "VmHWM"])) {
        let root = tree(&[("proc/self/status", &status)]);
        let readings = read_all(&mut all(&Setup::below(root.path())));
        prop_assert_eq!(faults(&readings), [""; 0]);
        for reading in readings.iter().filter(|r| r.unit == Unit::Bytes) {
            if let Value::Measured { value, .. } = reading.value {
                prop_assert!(value >= 1024.0, "{reading:?}");
            }
        }
    }

    #[test]
    fn garbage_describes_no_machine(
        cpuinfo in kernel_text(&["model name", "flags", "CPU implementer", "CPU part", "cpu", "isa"]),
        meminfo in kernel_text(&["MemTotal"]),
        text in vec(any::<u8>(), 0..40),
    ) {
        let root = tree(&[
            ("proc/cpuinfo", &cpuinfo),
            ("proc/meminfo", &meminfo),
            ("etc/os-release", &[b"PRETTY_NAME=", &text[..]].concat()),
            ("proc/sys/kernel/osrelease", &text),
            ("proc/device-tree/model", &text),
        ]);
        let Machine { cpu, memory_bytes, os, other, .. } = machine(root.path());
        prop_assert!(memory_bytes.is_none_or(|bytes| bytes >= 1024));
        for text in cpu.iter().chain(&os).chain(other.values()) {
            prop_assert!(!text.trim().is_empty());
        }
    }
}
