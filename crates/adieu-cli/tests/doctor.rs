//! What a machine can be measured by, as it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;
use support::Desk;
use support::boards::{self, Files, golden};

fn source<'a>(said: &'a Value, name: &str, part: Option<&str>) -> &'a Value {
    let all = said["sources"].as_array().unwrap();
    let found = all.iter().find(|source| source["name"] == name && source["part"].as_str() == part);
    found.unwrap_or_else(|| panic!("no {name} {part:?}: {said}"))
}

fn put(desk: &Desk, files: &[(&str, &str)]) {
    for (file, text) in files {
        std::fs::create_dir_all(desk.at(file).parent().unwrap()).unwrap();
        desk.write(file, text.as_bytes());
    }
}

#[test]
fn this_machine_has_clocks_and_every_absence_has_a_remedy() {
    let desk = Desk::bare();
    let said = desk.adieu("doctor --json").json();
    assert!(source(&said, "wall", None)["value"]["value"].as_f64().unwrap() >= 0.5);
    assert!(source(&said, "allocated", None)["value"]["value"].as_f64().unwrap() > 0.0);
    assert_eq!(said["overhead"], Value::Null);
    for source in said["sources"].as_array().unwrap() {
        let value = &source["value"];
        match value["kind"].as_str().unwrap() {
            "measured" => assert!(value["source"].as_str().is_some_and(|s| !s.is_empty()), "{source}"),
            "unavailable" => assert!(value["remedy"].as_str().is_some_and(|r| !r.is_empty()), "{source}"),
            other => panic!("{other}"),
        }
        assert!(source["cost_ns"].as_u64().unwrap() > 0 && source["resolution"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn the_files_of_another_machine_stand_for_it() {
    let desk = Desk::bare();
    put(
        &desk,
        &[
            ("other/proc/device-tree/model", "A board\0"),
            ("other/sys/class/powercap/intel-rapl:0/name", "package-0\n"),
            ("other/sys/class/powercap/intel-rapl:0/energy_uj", "123456\n"),
            ("other/sys/class/thermal/thermal_zone0/type", "soc\n"),
            ("other/sys/class/thermal/thermal_zone0/temp", "55500\n"),
        ],
    );
    let said = desk.adieu("doctor --root other --json").json();
    let energy = &source(&said, "energy", None)["value"];
    assert_eq!(
        (&energy["kind"], &energy["value"]),
        (&"measured".into(), &0.0.into()),
        "it stands still: {energy}"
    );
    assert_eq!(source(&said, "temperature", Some("0 soc"))["value"]["value"], 55.5);
    let out = desk.adieu("doctor --root other").well();
    assert!(out.starts_with("A board, "), "{out}");
    assert!(out.contains("temperature, 0 soc") && out.contains("55.5 °C"), "{out}");
    assert!(out.contains("scaling_cur_freq does not exist") || out.contains("lists no processors"), "{out}");
    let message = desk.adieu("doctor --root nonesuch").badly(1);
    assert!(message.starts_with("nonesuch: no such folder; "), "{message}");
}

#[test]
fn a_dump_is_a_machine_to_read_and_overwrites_nothing() {
    let desk = Desk::bare();
    put(&desk, &[("other/sys/class/hwmon/hwmon0/power1_input", "7000000\n")]);
    let out = desk.adieu("doctor --root other --dump sensors.txt").well();
    assert!(out.ends_with("the sensors' files are in sensors.txt; read it before you send it\n"), "{out}");
    assert_eq!(desk.text("sensors.txt"), "== sys/class/hwmon/hwmon0/power1_input\n7000000\n");
    let message = desk.adieu("doctor --root other --dump sensors.txt").badly(1);
    assert!(message.starts_with("sensors.txt: cannot write the dump; name a new file"), "{message}");
}

/// What the doctor says of a made-up machine, having checked that nothing that is absent is zero.
fn told(desk: &Desk) -> String {
    let said = desk.adieu("doctor --root other").well();
    for zero in [" 0 J", " 0 W", " 0 MHz", " 0 Hz"] {
        assert!(!said.contains(zero), "{zero}: {said}");
    }
    said
}

fn laid_out(files: Files) -> Desk {
    let desk = Desk::bare();
    let files: Vec<(String, &str)> =
        files.iter().map(|(file, text)| (format!("other/{file}"), *text)).collect();
    put(&desk, &files.iter().map(|(file, text)| (file.as_str(), *text)).collect::<Vec<_>>());
    desk
}

#[test]
fn a_virtual_machine_says_what_it_lacks() {
    let desk = laid_out(boards::VIRTUAL);
    insta::assert_snapshot!(golden(&told(&desk), true), @r"
    AMD EPYC, 8.00 GiB, Linux 6.1.0, a virtual machine: its host hides most sensors

    what can be read
    machine_cpu: 50.1 s, step 10.0 ms: /proc/stat
    machine_cpu, steal: 5.00 s, step 10.0 ms: /proc/stat
    group_throttled: 1.50 s, step 1.00 µs: control group, cpu.stat
    group_memory: 100 MiB, step 4.00 KiB: control group, memory
    group_memory_peak: 200 MiB, step 4.00 KiB: control group, memory

    what cannot, and what would mend it
    resident  other/proc/self/status does not exist
    → run on Linux with /proc mounted
    resident_peak
    energy  other/sys/class/powercap does not exist
    → run on the bare machine, on a kernel with CONFIG_POWERCAP and its driver (modprobe intel_rapl_msr)
    run_queue_wait  no thread below other/proc/self/task tells how long it waited
    → run on a Linux kernel with CONFIG_SCHED_INFO, outside sandboxes that hide it
    disk_read  other/proc/self/io does not exist
    → run on a Linux kernel with CONFIG_TASK_IO_ACCOUNTING, outside sandboxes that hide it
    disk_written
    throttled  no processor of other/sys/devices/system/cpu counts its throttling
    → run on the bare machine: hypervisors hide it; not every processor's driver counts, but see `clock` and `temperature`
    cpu_instructions  perf counts on the machine it runs on, which other is not
    → run it there
    cpu_cycles
    cpu_cache_references
    cpu_cache_misses
    cpu_branch_misses
    cpu_stalled_cycles
    clock  other/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq does not exist
    → run on the bare machine: hypervisors hide the clocks, and some kernels lack cpufreq
    clock, slowest
    clock, fastest
    clock, limit  other/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq does not exist
    → run on the bare machine: hypervisors hide the clocks, and some kernels lack cpufreq
    temperature  other/sys/class/thermal has no zone: no sensor is registered
    → run on the bare machine: hypervisors hide sensors
    proportional  other/proc/self/smaps_rollup does not exist
    → run on Linux 4.14 or later, outside sandboxes that hide it
    gpu_use  other/sys/class/drm lists no card, other/sys/class/devfreq no graphics processor
    → use a machine that has one, and load its driver
    gpu_clock
    gpu_memory
    ");
}

/// Lays out the program too that answers for the firmware.
#[cfg(unix)]
fn with_firmware(files: Files) -> Desk {
    use std::os::unix::fs::PermissionsExt;

    let desk = laid_out(files);
    put(&desk, &[("other/usr/bin/vcgencmd", boards::FIRMWARE)]);
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(desk.at("other/usr/bin/vcgencmd"), runs).unwrap();
    desk
}

#[cfg(unix)]
#[test]
fn a_raspberry_pi_5_by_its_power_controller() {
    let desk = with_firmware(boards::PI_5);
    insta::assert_snapshot!(golden(&told(&desk), false), @r"
    Raspberry Pi 5 Model B Rev 1.0, ARM Cortex-A76, Linux 6.12.0

    what can be read
    energy: … J, step 0.000100 J: energy sensors: PMIC
    energy, PMIC: … J, step 0.000100 J: energy sensors: vcgencmd pmic_read_adc: PMIC rails, without 5 V peripherals
    throttled: 1, step 1: kernel, firmware or driver
    throttled, under_voltage: 1, step 1: kernel, firmware or driver
    throttled, frequency_capped: 0, step 1: kernel, firmware or driver
    throttled, throttled: 1, step 1: kernel, firmware or driver
    throttled, soft_temperature_limit: 0, step 1: kernel, firmware or driver
    clock: 2.40 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, slowest: 2.40 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, fastest: 2.40 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, limit: 2.40 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    temperature: 61.7 °C, step 0.0 °C: /sys/class/thermal
    temperature, 0 cpu-thermal: 61.7 °C, step 0.0 °C: /sys/class/thermal

    what cannot, and what would mend it
    gpu_use  other/sys/class/drm lists no card, other/sys/class/devfreq no graphics processor
    → use a machine that has one, and load its driver
    gpu_clock
    gpu_memory
    ");
}

#[cfg(unix)]
#[test]
fn a_raspberry_pi_4_has_no_current_sensor() {
    let desk = with_firmware(boards::PI_4);
    insta::assert_snapshot!(golden(&told(&desk), false), @r"
    Raspberry Pi 4 Model B Rev 1.4, ARM Cortex-A72, Linux 6.12.0

    what can be read
    throttled: 1, step 1: kernel, firmware or driver
    throttled, under_voltage: 1, step 1: kernel, firmware or driver
    throttled, frequency_capped: 0, step 1: kernel, firmware or driver
    throttled, throttled: 1, step 1: kernel, firmware or driver
    throttled, soft_temperature_limit: 0, step 1: kernel, firmware or driver
    clock: 1.80 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, slowest: 1.80 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, fastest: 1.80 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, limit: 1.80 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    temperature: 55.2 °C, step 0.0 °C: /sys/class/thermal
    temperature, 0 cpu-thermal: 55.2 °C, step 0.0 °C: /sys/class/thermal

    what cannot, and what would mend it
    energy  Raspberry Pi 4 Model B Rev 1.4: this board has no current sensor
    → use an inline USB or wall meter
    gpu_use  other/sys/class/drm lists no card, other/sys/class/devfreq no graphics processor
    → use a machine that has one, and load its driver
    gpu_clock
    gpu_memory
    ");
}

#[test]
fn a_laptop_by_its_counter_which_moves() {
    let desk = laid_out(boards::LAPTOP);
    let (done, zone) = (AtomicBool::new(false), desk.at("other/sys/class/powercap/intel-rapl:0"));
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            let start = Instant::now();
            while !done.load(Ordering::Relaxed) {
                let microjoules = 1_000_000 + 10 * start.elapsed().as_micros();
                // Whole or not at all, as the kernel's files are.
                std::fs::write(zone.join("new"), microjoules.to_string()).unwrap();
                std::fs::rename(zone.join("new"), zone.join("energy_uj")).unwrap();
            }
        });
        let said = desk.adieu("doctor --root other");
        done.store(true, Ordering::Relaxed);
        said.well()
    });
    assert!(!said.contains(" 0 J") && !said.contains(" 0 MHz"), "{said}");
    insta::assert_snapshot!(golden(&said, false), @r"
    Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz, Linux 6.12.0

    what can be read
    energy: … J, step 0.000100 J: energy sensors: package-0
    energy, package-0: … J, step 0.000100 J: energy sensors: /sys/class/powercap/intel-rapl:0/energy_uj
    throttled: 42, step 1: kernel, firmware or driver
    throttled, cores: 12, step 1: kernel, firmware or driver
    throttled, packages: 30, step 1: kernel, firmware or driver
    clock: 3.70 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, slowest: 3.70 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, fastest: 3.70 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, limit: 4.00 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    temperature: 47.0 °C, step 0.0 °C: /sys/class/thermal
    temperature, 0 x86_pkg_temp: 47.0 °C, step 0.0 °C: /sys/class/thermal
    gpu_clock, card0: 300 MHz, step 1.00 MHz: graphics driver, sysfs

    what cannot, and what would mend it
    energy, BAT0  BAT0 is charging, not discharging
    → take the machine off the mains
    energy, card1  NVIDIA's library tells of the machine it runs on, which other is not
    → run it there
    gpu_use, card0  the driver of card0 does not tell how much it works for the whole card
    → `intel_gpu_top` shows it
    gpu_use, card1  card1 is NVIDIA's, whose library alone tells how much it works: NVIDIA's library tells of the machine it runs on, which other is not
    → run it there
    gpu_clock, card1  card1 is NVIDIA's, whose library alone tells its clock: NVIDIA's library tells of the machine it runs on, which other is not
    → run it there
    gpu_memory, card0  the driver of card0 does not tell its memory for the whole card
    → `intel_gpu_top` shows it
    gpu_memory, card1  card1 is NVIDIA's, whose library alone tells its memory: NVIDIA's library tells of the machine it runs on, which other is not
    → run it there
    ");
}

#[test]
fn a_jetson_by_its_own_files() {
    let desk = laid_out(boards::ORIN);
    insta::assert_snapshot!(golden(&told(&desk), false), @r"
    NVIDIA Jetson Orin NX Engineering Reference Developer Kit, ARM Cortex-A78AE, Linux 6.12.0

    what can be read
    energy: … J, step 0.000100 J: energy sensors: VDD_IN
    energy, VDD_IN: … J, step 0.000100 J: energy sensors: /sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_input × /sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr1_input
    energy, VDD_CPU_GPU_CV: … J, step 0.000100 J: energy sensors: /sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in2_input × /sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr2_input
    clock: 1.98 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, slowest: 1.98 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, fastest: 1.98 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    clock, limit: 1.98 GHz, step 1.00 kHz: cpufreq scaling_cur_freq
    temperature: 48.3 °C, step 0.0 °C: /sys/class/thermal
    temperature, 0 cpu-thermal: 48.3 °C, step 0.0 °C: /sys/class/thermal
    gpu_use, gpu: 61.30 %, step 1.00 %: graphics driver, sysfs
    gpu_clock, gpu: 918 MHz, step 1.00 MHz: graphics driver, sysfs

    what cannot, and what would mend it
    throttled  no processor of other/sys/devices/system/cpu counts its throttling
    → run on the bare machine: hypervisors hide it; not every processor's driver counts, but see `clock` and `temperature`
    gpu_memory, gpu  the processor and its graphics share one memory
    → see `resident`: the memory of the program is in it
    ");
}
