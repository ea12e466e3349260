//! `adieu completions` and `adieu man`: made from the same declaration as `--help`.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::terminal;

pub(super) fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "adieu", &mut script);
    terminal::result(&String::from_utf8_lossy(&script))
}

pub(super) fn man(out: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Args::command()).render(&mut page).context("cannot make the manual page")?;
        return terminal::result(&String::from_utf8_lossy(&page));
    };
    let failed =
        || format!("{}: cannot write the manual pages; choose a folder you may write to", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Args::command(), folder).with_context(failed)
}
