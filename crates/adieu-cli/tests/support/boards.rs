//! Made-up machines: their files, as far as sensors read them.
#![allow(dead_code)] // each test binary uses its own part

pub(crate) type Files = &'static [(&'static str, &'static str)];

/// A virtual machine whose kernel was built without sensors.
pub(crate) const VIRTUAL: Files = &[
    (
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse2 hypervisor\n",
    ),
    ("proc/meminfo", "MemTotal:        8388608 kB\n"),
    ("proc/stat", "cpu  4000 0 1000 90000 200 0 10 500 0 0\ncpu0 2000 0 500 45000 100 0 5 250 0 0\n"),
    ("proc/sys/kernel/osrelease", "6.1.0\n"),
    ("proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/\n0::/\n"),
    (
        "proc/self/mountinfo",
        "30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n\
         31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n\
         33 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         34 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
    ),
    ("sys/fs/cgroup/memory/memory.usage_in_bytes", "104857600\n"),
    ("sys/fs/cgroup/memory/memory.max_usage_in_bytes", "209715200\n"),
    ("sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 1500000000\n"),
    ("sys/class/thermal/.keep", ""),
    ("sys/class/power_supply/.keep", ""),
    ("sys/devices/system/cpu/cpu0/topology/core_id", "0\n"),
];

/// What `vcgencmd` says on a Raspberry Pi.
pub(crate) const FIRMWARE: &str = "\
#!/bin/sh
case $1 in
get_throttled) echo throttled=0x50000 ;;
pmic_read_adc)
    echo '   3V3_SYS_A current(1)=0.50000000A'
    echo '  VDD_CORE_A current(7)=2.00000000A'
    echo '   3V3_SYS_V volt(9)=3.30000000V'
    echo '  VDD_CORE_V volt(15)=0.75000000V'
    echo '     EXT5V_V volt(24)=5.10000000V' ;;
esac
";

/// A Raspberry Pi 5, with [`FIRMWARE`] at `usr/bin/vcgencmd`.
pub(crate) const PI_5: Files = &[
    ("proc/sys/kernel/osrelease", "6.12.0\n"),
    ("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0"),
    ("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "2400000\n"),
    ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
    ("sys/class/thermal/thermal_zone0/temp", "61700\n"),
    ("sys/class/hwmon/hwmon0/name", "rpi_volt\n"),
    ("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "0\n"),
];

/// A Raspberry Pi 4, with [`FIRMWARE`] at `usr/bin/vcgencmd`.
pub(crate) const PI_4: Files = &[
    ("proc/sys/kernel/osrelease", "6.12.0\n"),
    ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
    ("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1800000\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1800000\n"),
    ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
    ("sys/class/thermal/thermal_zone0/temp", "55200\n"),
    ("sys/class/hwmon/hwmon0/name", "rpi_volt\n"),
    ("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "0\n"),
];

/// A laptop of Intel's, on the mains, with a second card of NVIDIA's.
pub(crate) const LAPTOP: Files = &[
    ("proc/sys/kernel/osrelease", "6.12.0\n"),
    (
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz\nphysical id\t: 0\nflags\t\t: fpu avx2\n",
    ),
    ("sys/class/powercap/intel-rapl:0/name", "package-0\n"),
    ("sys/class/powercap/intel-rapl:0/energy_uj", "1000000\n"),
    ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n"),
    ("sys/class/power_supply/BAT0/type", "Battery\n"),
    ("sys/class/power_supply/BAT0/status", "Charging\n"),
    ("sys/class/drm/card0/device/vendor", "0x8086\n"),
    ("sys/class/drm/card0/gt_cur_freq_mhz", "300\n"),
    ("sys/class/drm/card1/device/vendor", "0x10de\n"),
    ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"),
    ("sys/class/thermal/thermal_zone0/temp", "47000\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3700000\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "4000000\n"),
    ("sys/devices/system/cpu/cpu0/topology/physical_package_id", "0\n"),
    ("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "12\n"),
    ("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "30\n"),
];

/// A Jetson Orin NX.
pub(crate) const ORIN: Files = &[
    ("proc/sys/kernel/osrelease", "6.12.0\n"),
    ("proc/device-tree/model", "NVIDIA Jetson Orin NX Engineering Reference Developer Kit\0"),
    ("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_label", "VDD_IN\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_input", "5000\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr1_input", "1200\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in2_label", "VDD_CPU_GPU_CV\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in2_input", "5000\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr2_input", "400\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in3_label", "NC\n"),
    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in7_label", "sum of shunt voltages\n"),
    ("sys/class/devfreq/17000000.gpu/device/of_node/name", "gpu\0"),
    ("sys/class/devfreq/17000000.gpu/device/load", "613\n"),
    ("sys/class/devfreq/17000000.gpu/cur_freq", "918000000\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1984000\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1984000\n"),
    ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
    ("sys/class/thermal/thermal_zone0/temp", "48300\n"),
];

/// Readings of the process, which every machine has or lacks alike.
const OWN: [&str; 9] =
    ["resident", "machine_cpu", "run_queue", "group_", "disk_", "cpu_", "proportional", "wall", "allocated"];

/// What the doctor says of such a machine, without what differs from one reading to another: this process's time and
/// allocations, the costs, how many joules there were. A line each, `name: value, step: source`. Without `process` none of
/// what it says of the process either.
pub(crate) fn golden(said: &str, process: bool) -> String {
    let own = if process { &["wall", "cpu_time", "allocated"][..] } else { &OWN };
    let mut text = String::new();
    let mut left_out = false;
    for line in said.trim_end().lines() {
        let (read, line) = plain(line);
        left_out = own.iter().any(|own| line.starts_with(own)) || (left_out && line.starts_with('→'));
        if left_out {
            continue;
        }
        // How many processors this machine has is not the other's.
        let parts =
            line.split(", ").filter(|part| read || !(part.ends_with(" core") || part.ends_with(" cores")));
        text.push_str(&parts.collect::<Vec<_>>().join(", "));
        text.push('\n');
    }
    text
}

/// A line without its spaces, cost and joules, and whether it is one of a sensor that was read.
fn plain(line: &str) -> (bool, String) {
    let Some((head, tail)) = line.split_once(", read in ") else {
        let words = line.split("  ").map(str::trim).filter(|word| !word.is_empty());
        return (false, words.collect::<Vec<_>>().join("  "));
    };
    let (what, step) = head.split_once("   step ").expect("a step after the value");
    let (name, value) = what.trim().rsplit_once("  ").expect("a value after the name");
    let (_, source) = tail.split_once(": ").expect("a source after the cost");
    let value = if value.ends_with('J') { "… J" } else { value.trim() };
    (true, format!("{}: {value}, step {step}: {source}", name.trim()))
}
