//! What a machine can be measured by, as it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use serde_json::Value;
use support::Desk;

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
