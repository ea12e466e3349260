//! The sensors of machines, on made-up ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use adieu_meter::clocks::Clocks;
use adieu_meter::control_group::ControlGroup;
use adieu_meter::disk::Disk;
use adieu_meter::energy::Energy;
use adieu_meter::graphics::Graphics;
use adieu_meter::processors::Processors;
use adieu_meter::proportional::Proportional;
use adieu_meter::run_queue::RunQueue;
use adieu_meter::temperature::Temperature;
use adieu_meter::throttled::Throttled;
use adieu_meter::{Meter, Setup, all, sensors};
use adieu_record::{Reading, Value};
use tempfile::TempDir;

type Files<'a> = &'a [(&'a str, &'a str)];

fn put(root: &Path, files: Files<'_>) {
    for (file, text) in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn tree(files: Files<'_>) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), files);
    root
}

fn read(mut meter: impl Meter) -> Vec<Reading> {
    again(&mut meter)
}

fn again(meter: &mut impl Meter) -> Vec<Reading> {
    let mut readings = Vec::new();
    meter.read(&mut readings);
    readings
}

/// The number, or why there is none.
fn of(readings: &[Reading], name: &str, part: Option<&str>) -> Result<f64, String> {
    let reading = readings.iter().find(|r| r.name == name && r.part.as_deref() == part);
    match &reading.unwrap_or_else(|| panic!("no {name} {part:?} in {readings:?}")).value {
        Value::Measured { value, .. } => Ok(*value),
        Value::Unavailable { why, remedy } => {
            assert!(!remedy.is_empty(), "{why}");
            Err(why.clone())
        }
        Value::Estimated { .. } => panic!("nothing here is estimated"),
    }
}

#[test]
fn a_machine_without_sensors_says_why_of_each() {
    let empty = tempfile::tempdir().unwrap();
    let mut readings = Vec::new();
    sensors(&Setup::below(empty.path())).iter_mut().for_each(|meter| meter.read(&mut readings));
    for name in [
        "machine_cpu",
        "run_queue_wait",
        "clock",
        "temperature",
        "gpu_use",
        "gpu_clock",
        "gpu_memory",
        "proportional",
        "group_memory",
        "group_memory_peak",
        "group_throttled",
        "disk_read",
        "energy",
        "throttled",
        "cpu_instructions",
        "cpu_stalled_cycles",
    ] {
        let why = of(&readings, name, None).unwrap_err();
        assert!(!why.is_empty(), "{name}");
    }
    let why = of(&readings, "energy", None).unwrap_err();
    assert!(why.ends_with("/sys/class/powercap does not exist"), "{why}");
}

#[test]
fn busy_and_stolen_time() {
    let root = tree(&[("proc/stat", "cpu  100 20 30 5000 70 1 2 300 40 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")]);
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let readings = read(Processors::below(root.path()));
    assert_eq!(of(&readings, "machine_cpu", None), Ok(153.0 / ticks), "guests are in user time already");
    assert_eq!(of(&readings, "machine_cpu", Some("steal")), Ok(300.0 / ticks));
    put(root.path(), &[("proc/stat", "cpu  100 20 30 5000 70\n")]);
    let why = of(&read(Processors::below(root.path())), "machine_cpu", Some("steal")).unwrap_err();
    assert!(why.contains("no whole `cpu` line"), "a kernel that tells no steal does not have 0: {why}");
}

#[test]
fn threads_that_ended_keep_what_they_waited() {
    let root = tree(&[
        ("proc/self/task/1/schedstat", "900 1500000000 7\n"),
        ("proc/self/task/2/schedstat", "900 500000000 7\n"),
    ]);
    let mut meter = RunQueue::below(root.path());
    assert_eq!(of(&again(&mut meter), "run_queue_wait", None), Ok(2.0));
    fs::remove_dir_all(root.path().join("proc/self/task/2")).unwrap();
    put(root.path(), &[("proc/self/task/1/schedstat", "900 1750000000 7\n")]);
    assert_eq!(of(&again(&mut meter), "run_queue_wait", None), Ok(2.25));
}

#[test]
fn clocks_of_processors_that_are_on() {
    let cpufreq = |n: u32, file: &str| format!("sys/devices/system/cpu/cpu{n}/cpufreq/{file}");
    let root = tree(&[
        (&cpufreq(0, "scaling_cur_freq"), "1500000\n"),
        (&cpufreq(0, "scaling_max_freq"), "2400000\n"),
        (&cpufreq(10, "scaling_cur_freq"), "2500000\n"),
        ("sys/devices/system/cpu/cpu2/online", "0\n"),
        ("sys/devices/system/cpu/cpufreq/boost", "1\n"),
    ]);
    let readings = read(Clocks::below(root.path()));
    let parts = [None, Some("slowest"), Some("fastest"), Some("limit")];
    assert_eq!(parts.map(|part| of(&readings, "clock", part)), [2.0e9, 1.5e9, 2.5e9, 2.4e9].map(Ok));
}

#[test]
fn the_hottest_zone_and_zones_that_lie() {
    let root = tree(&[
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
        ("sys/class/thermal/thermal_zone1/type", "wifi\n"),
        ("sys/class/thermal/thermal_zone1/temp", "2147483647\n"),
        ("sys/class/thermal/thermal_zone2/type", "gpu-thermal\n"),
        ("sys/class/thermal/thermal_zone2/temp", "51000\n"),
        ("sys/class/thermal/cooling_device0/type", "fan\n"),
    ]);
    let readings = read(Temperature::below(root.path()));
    assert_eq!(of(&readings, "temperature", None), Ok(51.0));
    assert_eq!(of(&readings, "temperature", Some("0 cpu-thermal")), Ok(48.312));
    assert!(of(&readings, "temperature", Some("1 wifi")).is_err());
    assert_eq!(readings.len(), 4, "{readings:?}");
}

#[test]
fn disk_and_proportional_memory() {
    let root = tree(&[
        (
            "proc/self/io",
            "rchar: 99\nwchar: 98\nread_bytes: 4096\nwrite_bytes: 0\ncancelled_write_bytes: 7\n",
        ),
        ("proc/self/smaps_rollup", "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss: 30 kB\nPss:  20 kB\n"),
    ]);
    let readings = read(Disk::below(root.path()));
    assert_eq!(of(&readings, "disk_read", None), Ok(4096.0));
    assert_eq!(of(&readings, "disk_written", None), Ok(0.0), "nothing written is a measurement");
    assert_eq!(of(&read(Proportional::below(root.path())), "proportional", None), Ok(20480.0));
}

/// Mounts of a machine with both versions of control groups, as in many virtual machines.
const HYBRID: &str = "\
30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
33 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
";

#[test]
fn control_groups_of_either_version_and_of_both() {
    let hybrid = tree(&[
        ("proc/self/cgroup", "5:memory:/job\n4:cpu,cpuacct:/\n0::/job\n"),
        ("proc/self/mountinfo", HYBRID),
        ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1000\n"),
        ("sys/fs/cgroup/memory/job/memory.max_usage_in_bytes", "3000\n"),
        ("sys/fs/cgroup/memory/memory.max_usage_in_bytes", "9999999\n"),
        ("sys/fs/cgroup/unified/job/cpu.stat", "usage_usec 5\nuser_usec 4\nsystem_usec 1\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 1500000000\n"),
    ]);
    let memory = read(ControlGroup::memory(hybrid.path()));
    assert_eq!(of(&memory, "group_memory", None), Ok(1000.0));
    assert_eq!(of(&memory, "group_memory_peak", None), Ok(3000.0));
    assert_eq!(of(&read(ControlGroup::throttled(hybrid.path())), "group_throttled", None), Ok(1.5));

    // A container that sees its own group as the root of the mount.
    let container = tree(&[
        ("proc/self/cgroup", "0::/docker/abc\n"),
        ("proc/self/mountinfo", "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"),
        ("sys/fs/cgroup/memory.current", "500\n"),
        ("sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_throttled 1\nthrottled_usec 250000\n"),
    ]);
    let memory = read(ControlGroup::memory(container.path()));
    assert_eq!(of(&memory, "group_memory", None), Ok(500.0));
    let why = of(&memory, "group_memory_peak", None).unwrap_err();
    assert_eq!(why, "its control group has no sys/fs/cgroup/memory.peak");
    assert_eq!(of(&read(ControlGroup::throttled(container.path())), "group_throttled", None), Ok(0.25));

    let outside = tree(&[("proc/self/cgroup", "3:pids:/\n"), ("proc/self/mountinfo", HYBRID)]);
    let why = of(&read(ControlGroup::memory(outside.path())), "group_memory", None).unwrap_err();
    assert_eq!(why, "the process is in no control group of memory");
}

/// A package of RAPL, its parts, and the platform.
const PACKAGE: Files<'_> = &[
    ("sys/class/powercap/intel-rapl/enabled", "1\n"),
    ("sys/class/powercap/intel-rapl:0/name", "package-0\n"),
    ("sys/class/powercap/intel-rapl:0/energy_uj", "262143000000\n"),
    ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n"),
    ("sys/class/powercap/intel-rapl:0:0/name", "core\n"),
    ("sys/class/powercap/intel-rapl:0:0/energy_uj", "100\n"),
    ("sys/class/powercap/intel-rapl:0:1/name", "dram\n"),
    ("sys/class/powercap/intel-rapl:0:1/energy_uj", "1000\n"),
    ("sys/class/powercap/intel-rapl:1/name", "psys\n"),
    ("sys/class/powercap/intel-rapl:1/energy_uj", "7\n"),
    ("sys/class/powercap/intel-rapl-mmio:0/name", "package-0\n"),
    ("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "5\n"),
];

fn near(found: Result<f64, String>, joules: f64) {
    let found = found.unwrap();
    assert!((found - joules).abs() < 1e-9, "{found}, not {joules}");
}

#[test]
fn packages_and_memories_are_the_sum_and_twins_count_once() {
    let root = tree(PACKAGE);
    let mut meter = Energy::below(root.path());
    std::thread::sleep(std::time::Duration::from_millis(20));
    put(
        root.path(),
        &[
            ("sys/class/powercap/intel-rapl:0/energy_uj", "671150\n"), // came round: 1.000 J
            ("sys/class/powercap/intel-rapl:0:0/energy_uj", "400100\n"),
            ("sys/class/powercap/intel-rapl:0:1/energy_uj", "251000\n"),
            ("sys/class/powercap/intel-rapl:1/energy_uj", "2000007\n"),
            ("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "1000005\n"),
        ],
    );
    let readings = again(&mut meter);
    near(of(&readings, "energy", Some("package-0")), 1.0);
    near(of(&readings, "energy", Some("core-0")), 0.4);
    near(of(&readings, "energy", Some("dram-0")), 0.25);
    near(of(&readings, "energy", Some("psys")), 2.0);
    near(of(&readings, "energy", None), 1.25);
    assert_eq!(readings.len(), 5, "{readings:?}");
    let Value::Measured { source, .. } = &readings[0].value else { panic!("{readings:?}") };
    assert_eq!(source, "energy sensors: package-0 + dram-0");
}

#[test]
fn a_twin_that_cannot_be_read_and_one_that_can() {
    let root = tree(PACKAGE);
    fs::remove_file(root.path().join("sys/class/powercap/intel-rapl:0/energy_uj")).unwrap();
    let mut meter = Energy::below(root.path());
    std::thread::sleep(std::time::Duration::from_millis(20));
    put(root.path(), &[("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "500005\n")]);
    near(of(&again(&mut meter), "energy", Some("package-0")), 0.5);
}

#[test]
fn one_blind_package_leaves_no_sum() {
    let root = tree(PACKAGE);
    put(root.path(), &[("sys/class/powercap/intel-rapl:0:1/energy_uj", "<not counted>\n")]);
    let mut meter = Energy::below(root.path());
    std::thread::sleep(std::time::Duration::from_millis(20));
    let readings = again(&mut meter);
    near(of(&readings, "energy", Some("package-0")), 0.0);
    let why = of(&readings, "energy", Some("dram-0")).unwrap_err();
    assert!(why.contains("\"<not counted>\", which is no number"), "{why}");
    assert_eq!(of(&readings, "energy", None).unwrap_err(), why, "half a sum is none");
}

#[test]
fn dies_that_mirror_each_other_count_once() {
    let die = |n: u32, file: &str| format!("sys/class/powercap/intel-rapl:{n}/{file}");
    let root = tree(&[
        (&die(0, "name"), "package-0-die-0"),
        (&die(0, "energy_uj"), "1000"),
        (&die(1, "name"), "package-0-die-1"),
        (&die(1, "energy_uj"), "1000"),
        (&die(2, "name"), "package-1-die-0"),
        (&die(2, "energy_uj"), "1000"),
    ]);
    let mut meter = Energy::below(root.path());
    std::thread::sleep(std::time::Duration::from_millis(20));
    put(
        root.path(),
        &[
            (&die(0, "energy_uj"), "3001000"),
            (&die(1, "energy_uj"), "3001001"),
            (&die(2, "energy_uj"), "3001000"),
        ],
    );
    let readings = again(&mut meter);
    near(of(&readings, "energy", None), 6.0);
    let Value::Measured { source, .. } = &readings[0].value else { panic!("{readings:?}") };
    assert_eq!(source, "energy sensors: package-0-die-0 + package-1-die-0 (mirrored dies once)");
}

#[test]
fn a_board_s_input_contains_its_rails() {
    let chip = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3";
    let at = |file: &str| format!("{chip}/{file}");
    let mut files = vec![
        (at("in1_label"), "VDD_IN"),
        (at("in1_input"), "5000"),
        (at("curr1_input"), "1200"),
        (at("in2_label"), "VDD_CPU_GPU_CV"),
        (at("in2_input"), "5000"),
        (at("curr2_input"), "400"),
        (at("in3_label"), "NC"),
        (at("in3_input"), "1"),
        (at("curr3_input"), "1"),
    ];
    let old = "sys/bus/i2c/drivers/ina3221x/0-0041/iio:device1";
    files.push((format!("{old}/rail_name_0"), "VDD_DDR"));
    files.push((format!("{old}/in_voltage0_input"), "5000"));
    files.push((format!("{old}/in_current0_input"), "100"));
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
    let root = tree(&files);
    let start = std::time::Instant::now();
    let mut meter = Energy::below(root.path());
    std::thread::sleep(std::time::Duration::from_millis(250));
    let readings = again(&mut meter);
    let most = start.elapsed().as_secs_f64();
    let whole = of(&readings, "energy", None).unwrap();
    assert!(whole > 0.0 && whole < 6.0 * most, "{whole} J of 6 W in at most {most} s");
    for (rail, share) in [("VDD_IN", 1.0), ("VDD_CPU_GPU_CV", 2.0 / 6.0), ("VDD_DDR", 0.5 / 6.0)] {
        let joules = of(&readings, "energy", Some(rail)).unwrap();
        assert!((joules / whole - share).abs() < 0.05, "{rail}: {joules} of {whole}");
    }
    assert_eq!(readings.len(), 4, "{readings:?}");
}

/// Lines of a meter at the socket, of so many watts at every quarter of a second around now.
fn at_the_socket(root: &Path, watts: f64) -> Setup {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let lines: String = (-8..40).map(|n| format!("{},{watts}\n", now + 0.25 * f64::from(n))).collect();
    put(root, &[("power.csv", &format!("unix_s,watts\n{lines}"))]);
    let file = root.join("power.csv");
    Setup { external: Some(file.to_str().unwrap().parse().unwrap()), ..Setup::below(root) }
}

#[test]
fn a_meter_at_the_socket_is_the_whole_and_never_added_to_its_parts() {
    let alone = tree(&[]);
    let readings = again(&mut Energy::of(&at_the_socket(alone.path(), 40.0)));
    let joules = of(&readings, "energy", Some("external")).unwrap();
    assert!(joules > 0.0);
    assert_eq!(of(&readings, "energy", None), Ok(joules), "where there is no other");
    let Value::Measured { source, .. } = &readings[0].value else { panic!("{readings:?}") };
    assert_eq!(source, "energy sensors: external (the whole machine, at the socket)");

    let beside = tree(PACKAGE);
    let mut meter = Energy::of(&at_the_socket(beside.path(), 40.0));
    std::thread::sleep(std::time::Duration::from_millis(20));
    put(beside.path(), &[("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "1000005\n")]);
    // Not at once: a joule right after a look would be more than a package takes.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let readings = again(&mut meter);
    near(of(&readings, "energy", None), 1.0);
    assert!(of(&readings, "energy", Some("external")).unwrap() > 0.0);

    let gone = tree(&[]);
    let setup = Setup { external: Some("nonesuch.csv".parse().unwrap()), ..Setup::below(gone.path()) };
    let readings = again(&mut Energy::of(&setup));
    let why = of(&readings, "energy", Some("external")).unwrap_err();
    assert_eq!(why, "nonesuch.csv does not exist");
    assert_eq!(of(&readings, "energy", None).unwrap_err(), why, "it was asked for, so it is what is missed");
}

#[test]
fn an_estimate_is_there_only_if_it_is_asked_for() {
    let root = tree(&[("proc/stat", "cpu  100 0 0 900 0 0 0 0\ncpu0 1\n")]);
    let read = |setup: &Setup| -> Vec<Reading> {
        let mut readings = Vec::new();
        all(setup).iter_mut().for_each(|meter| meter.read(&mut readings));
        readings.retain(|reading| reading.name == "energy_estimated");
        readings
    };
    assert_eq!(read(&Setup::below(root.path())), []);
    let asked = Setup { estimate: Some("10:50".parse().unwrap()), ..Setup::below(root.path()) };
    let readings = read(&asked);
    let [Reading { value: Value::Estimated { lo, mid, hi, .. }, .. }] = readings.as_slice() else {
        panic!("{readings:?}")
    };
    let five = (hi / lo - 5.0).abs() < 1e-9;
    assert!(*lo > 0.0 && lo == mid && five, "{lo} {mid} {hi}: nothing was done meanwhile");
    let unknown = Setup { estimate: Some("table".parse().unwrap()), ..Setup::below(root.path()) };
    assert!(of(&read(&unknown), "energy_estimated", None).unwrap_err().contains("table of powers"));
}

/// A `vcgencmd` that answers as a Raspberry Pi's does.
#[cfg(unix)]
fn firmware(root: &Path, rails: &str) {
    use std::os::unix::fs::PermissionsExt;

    let text = format!(
        "#!/bin/sh\ncase $1 in\npmic_read_adc) echo '{rails}' ;;\nget_throttled) echo throttled=0x50005 ;;\nesac\n"
    );
    put(root, &[("usr/bin/vcgencmd", &text)]);
    fs::set_permissions(root.join("usr/bin/vcgencmd"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_raspberry_pi_5_has_rails_and_a_4_has_none() {
    let five = tree(&[("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")]);
    firmware(
        five.path(),
        "3V3_SYS_A current(1)=0.50000000A\n3V3_SYS_V volt(9)=3.30000000V\nEXT5V_V volt(24)=5.1V",
    );
    let start = std::time::Instant::now();
    let mut meter = Energy::below(five.path());
    // Asked twice a second.
    let readings = loop {
        let readings = again(&mut meter);
        match of(&readings, "energy", None) {
            Ok(_) => break readings,
            Err(why) => assert!(start.elapsed().as_secs() < 60, "{why}"),
        }
        std::thread::yield_now();
    };
    let joules = of(&readings, "energy", None).unwrap();
    assert!(joules > 0.0 && joules <= 1.65 * start.elapsed().as_secs_f64(), "{joules} J of 1.65 W");
    assert_eq!(of(&readings, "energy", Some("PMIC")), Ok(joules));
    let Value::Measured { source, .. } = &readings[1].value else { panic!("{readings:?}") };
    assert!(source.ends_with("PMIC rails, without 5 V peripherals"), "{source}");

    let four = tree(&[("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")]);
    firmware(four.path(), "");
    let why = of(&read(Energy::below(four.path())), "energy", None).unwrap_err();
    assert_eq!(why, "Raspberry Pi 4 Model B Rev 1.4: this board has no current sensor");
    let throttled = read(Throttled::of(&Setup::below(four.path())));
    assert_eq!(of(&throttled, "throttled", Some("under_voltage")), Ok(2.0), "once so far, and now");
    assert_eq!(of(&throttled, "throttled", None), Ok(2.0), "throttled once so far, and now");
}

#[test]
fn other_sensors_are_told_and_not_added_up() {
    let root = tree(&[
        ("sys/class/hwmon/hwmon0/name", "amdgpu\n"),
        ("sys/class/hwmon/hwmon0/power1_average", "30000000\n"),
        ("sys/class/hwmon/hwmon0/power1_input", "90000000\n"),
        ("sys/class/hwmon/hwmon0/power1_cap", "90000000\n"),
        ("sys/class/hwmon/hwmon0/power1_label", "PPT\n"),
        ("sys/class/hwmon/hwmon1/name", "xe\n"),
        ("sys/class/hwmon/hwmon1/energy1_input", "1000\n"),
        ("sys/class/power_supply/BAT0/type", "Battery\n"),
        ("sys/class/power_supply/BAT0/status", "Charging\n"),
        ("sys/class/power_supply/mouse/type", "Battery\n"),
        ("sys/class/power_supply/mouse/scope", "Device\n"),
    ]);
    let mut meter = Energy::below(root.path());
    std::thread::sleep(std::time::Duration::from_millis(30));
    put(root.path(), &[("sys/class/hwmon/hwmon1/energy1_input", "11000\n")]);
    let readings = again(&mut meter);
    assert!(of(&readings, "energy", Some("amdgpu:PPT")).unwrap() > 0.5, "30 W");
    near(of(&readings, "energy", Some("xe:energy1")), 0.01);
    let why = of(&readings, "energy", Some("BAT0")).unwrap_err();
    assert_eq!(why, "BAT0 is charging, not discharging");
    assert!(of(&readings, "energy", None).is_err(), "what overlaps is not added up");
    assert_eq!(readings.len(), 4, "{readings:?}");
}

fn graphics(root: &Path) -> Vec<Reading> {
    Graphics::below(root).into_iter().flat_map(read).collect()
}

#[test]
fn graphics_of_amd_intel_nvidia_and_a_jetson() {
    let root = tree(&[
        ("sys/class/drm/card0/device/vendor", "0x1002\n"),
        ("sys/class/drm/card0/device/gpu_busy_percent", "37\n"),
        ("sys/class/drm/card0/device/mem_info_vram_used", "1073741824\n"),
        ("sys/class/drm/card0/device/hwmon/hwmon3/freq1_input", "1815000000\n"),
        ("sys/class/drm/card0-HDMI-A-1/status", "connected\n"),
        ("sys/class/drm/card1/device/vendor", "0x8086\n"),
        ("sys/class/drm/card1/gt_cur_freq_mhz", "1150\n"),
        ("sys/class/drm/card2/device/vendor", "0x10de\n"),
    ]);
    let readings = graphics(root.path());
    assert_eq!(readings.len(), 9);
    assert_eq!(of(&readings, "gpu_use", Some("card0")), Ok(0.37));
    assert_eq!(of(&readings, "gpu_clock", Some("card0")), Ok(1.815e9));
    assert_eq!(of(&readings, "gpu_memory", Some("card0")), Ok(1_073_741_824.0));
    assert_eq!(of(&readings, "gpu_clock", Some("card1")), Ok(1.15e9));
    assert!(of(&readings, "gpu_use", Some("card1")).unwrap_err().contains("does not tell how much it works"));
    assert!(of(&readings, "gpu_memory", Some("card2")).unwrap_err().contains("NVIDIA's"));

    let orin = tree(&[
        ("sys/class/devfreq/17000000.gpu/device/of_node/name", "gpu\0"),
        ("sys/class/devfreq/17000000.gpu/device/load", "613\n"),
        ("sys/class/devfreq/17000000.gpu/cur_freq", "918000000\n"),
        ("sys/class/devfreq/15340000.vic/device/of_node/name", "vic\0"),
        ("sys/class/drm/card0/device/uevent", "DRIVER=tegra-host1x\n"),
    ]);
    let readings = graphics(orin.path());
    assert_eq!(readings.len(), 3, "neither the display nor the video unit is a graphics processor");
    assert_eq!(of(&readings, "gpu_use", Some("gpu")), Ok(0.613));
    assert_eq!(of(&readings, "gpu_clock", Some("gpu")), Ok(9.18e8));
    assert!(of(&readings, "gpu_memory", Some("gpu")).unwrap_err().contains("share one memory"));
    // A torn read is no number, and more than the whole is no share.
    for bad in ["", "6l3", "-1", "1001"] {
        put(orin.path(), &[("sys/class/devfreq/17000000.gpu/device/load", bad)]);
        assert!(of(&graphics(orin.path()), "gpu_use", Some("gpu")).is_err(), "{bad:?}");
    }
}
