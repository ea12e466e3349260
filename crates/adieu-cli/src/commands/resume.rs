//! `adieu resume`: going on with a run or a duel.

use adieu::duel_folder::DuelFolder;

use super::{duel, train};
use crate::args::Resume;
use crate::progress::Manner;
use crate::stop;

pub(super) fn run(asked: &Resume, manner: Manner) -> anyhow::Result<()> {
    let folder = &asked.folder;
    if DuelFolder::is_at(folder) {
        return duel::go_on(&DuelFolder::open(folder)?, folder, asked.show, manner);
    }
    let ended = train::again(folder, None, manner, "", &stop::flag())?;
    train::conclude(folder, &ended, asked.show)
}
