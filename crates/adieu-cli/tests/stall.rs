//! Who waits for data, as it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use support::Desk;

#[test]
fn slow_storage_is_found_in_preparing_and_the_stall_tells_of_it() {
    let desk = Desk::new();
    desk.recipe("slow.toml", "epochs = 2", "kind = \"back_prop\"");
    let slow = desk.text("slow.toml").replace("[data]", "[data]\nprefetch = 0\nthrottle_mb_s = 0.02");
    desk.write("slow.toml", slow.as_bytes());
    let said = desk.adieu("stall-probe slow.toml --steps 12 --turns 2 --json").json();
    let legs = said["legs"].as_array().unwrap();
    let of = |name: &str, key: &str| -> Vec<f64> {
        legs.iter().filter(|leg| leg["name"] == name).map(|leg| leg[key].as_f64().unwrap()).collect()
    };
    // So many bytes at 20 kB a second, which the one batch in memory does not wait for.
    let row_bytes = 36.0;
    let stolen = 12.0 * said["rows"].as_f64().unwrap() * row_bytes / 20_000.0;
    assert_eq!(of("warm", "stall_s").len(), 2);
    for stall in of("warm", "stall_s") {
        assert!(stall >= stolen, "{stall} of {stolen}");
    }
    for stall in of("synthetic", "stall_s") {
        assert!(stall < 0.1 * stolen, "{stall} of {stolen}");
    }
    assert!(said["prepare"]["median_s"].as_f64().unwrap() > 0.8 * stolen, "{}", said["prepare"]);
    let fetch = &said["fetch"];
    assert!(fetch["kind"] == "measured" || !fetch["remedy"].as_str().unwrap().is_empty(), "{fetch}");
}

#[test]
fn what_lies_in_the_program_is_never_cold() {
    let desk = Desk::new();
    desk.recipe("ff.toml", "epochs = 2", "kind = \"forward_forward\"");
    let bundled =
        "name = \"m\"\n[train]\nbatch = 10\n[model]\nblocks = [[4]]\n[learner]\nkind = \"back_prop\"\n";
    desk.write("bundled.toml", bundled.as_bytes());
    let text = desk.adieu("stall-probe bundled.toml --steps 2 --turns 1").well();
    assert!(text.contains("the rows are part of the program") && text.contains("preparing"), "{text}");
    assert!(desk.adieu("stall-probe nonesuch.toml").badly(1).contains("nonesuch.toml"));
    assert_eq!(desk.adieu("stall-probe ff.toml --steps 0").code, Some(2));
}
