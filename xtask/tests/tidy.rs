//! The tidy rules, applied to this repository.

use std::sync::OnceLock;

use xtask::tidy::{
    Finding, dependencies, excuse, floors, licences,
    repository::{self, Files},
    shape, text,
};

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| repository::text_files().expect("the repository can be read"))
}

#[track_caller]
fn none(findings: &[Finding]) {
    let list: String = findings.iter().map(|finding| format!("\n  {finding}")).collect();
    assert!(findings.is_empty(), "{} finding(s):{list}\n", findings.len());
}

#[test]
fn the_repository_is_really_read() {
    let sources = files().keys().filter(|path| path.ends_with(".rs")).count();
    assert!(sources > 20, "only {sources} Rust files were found");
    assert!(files().contains_key("crates/adieu-core/src/lib.rs"));
}

#[test]
fn manifests_keep_to_the_floors() {
    none(&floors::in_manifests(&repository::metadata().expect("cargo metadata")));
}

#[test]
fn sources_keep_to_the_floors() {
    none(&floors::in_sources(files()));
}

#[test]
fn licences_are_allowed() {
    let packages = repository::built_packages().expect("cargo tree");
    assert!(packages.len() > 50, "only {} packages were listed", packages.len());
    none(&excuse(licences::check(&packages), licences::EXCEPTIONS));
}

#[test]
fn dependencies_are_explained() {
    let index = files().get(dependencies::INDEX).map_or("", String::as_str);
    none(&dependencies::check(&files()["Cargo.toml"], index));
}

#[test]
fn every_file_has_a_module_doc() {
    none(&shape::module_docs(files()));
}

#[test]
fn files_and_functions_are_short() {
    none(&excuse(shape::sizes(files()), shape::LONGER));
}

#[test]
fn unsafe_code_is_where_it_belongs() {
    none(&excuse(shape::unsafe_code(files()), shape::UNSAFE));
}

#[test]
fn no_test_is_ignored() {
    none(&shape::ignored_tests(files()));
}

#[test]
fn algorithms_tell_their_differences_from_the_paper() {
    none(&excuse(shape::differences_from_the_paper(files()), shape::NO_PAPER));
}

#[test]
fn no_file_names_a_machine() {
    none(&excuse(text::machine_paths(files()), text::MACHINE_PATHS));
}

#[test]
fn links_resolve() {
    none(&text::links(files(), &repository::paths().expect("the repository can be listed")));
}
