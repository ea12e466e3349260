//! `idx`: any dataset in MNIST's layout, from a folder of the reader's own.
//!
//! The folder holds four IDX files, each plain or gzip: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
//! `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`; `.gz` may follow, and `.idx` may stand for `-idx`. The dataset
//! takes the folder's name. Classes are named by their numbers, except in a folder named after Fashion-MNIST.

use std::path::{Path, PathBuf};

use crate::about::About;
use crate::error::DataError;
use crate::fashion::FASHION;
use crate::four::{PARTS, assemble};
use crate::how::How;
use crate::idx::read_file;
use crate::rows::Dataset;
use crate::source::Source;

/// A folder of four IDX files.
#[derive(Debug)]
pub(crate) struct Folder;

impl Source for Folder {
    fn kind(&self) -> &'static str {
        "idx"
    }

    fn about(&self) -> &'static str {
        "any dataset in MNIST's layout (four IDX files, plain or gzip), from a folder"
    }

    fn licence(&self) -> &'static str {
        "that of the files"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn load(&self, folder: Option<&Path>, _how: &How) -> Result<Dataset, DataError> {
        let Some(folder) = folder else {
            return Err(DataError::Missing {
                path: PathBuf::from("idx"),
                what: "no folder given".to_owned(),
                remedy: "name the folder that holds the four files (--data-dir)",
            });
        };
        read_four(
            folder,
            describe(folder),
            "put one copy of each there, or leave the folder out to use the bundled digits",
        )
    }
}

/// Reads the four files in `folder`; `otherwise` is what to do if they are not there.
pub(crate) fn read_four(folder: &Path, about: About, otherwise: &'static str) -> Result<Dataset, DataError> {
    let paths = find(folder, otherwise)?;
    let [a, b, c, d] = [0, 1, 2, 3].map(|part| read_file(&paths[part], PARTS[part].1));
    assemble(paths, [a?, b?, c?, d?], about)
}

/// The spellings of one part, the first found counts.
fn spellings(part: &str) -> [String; 4] {
    let dotted = part.replace("-idx", ".idx");
    [part.to_owned(), format!("{part}.gz"), dotted.clone(), format!("{dotted}.gz")]
}

/// The paths of the four parts; all that are missing are named at once.
pub(crate) fn find(folder: &Path, otherwise: &'static str) -> Result<[PathBuf; 4], DataError> {
    let missing = |what, remedy| Err(DataError::Missing { path: folder.to_path_buf(), what, remedy });
    if !folder.is_dir() {
        let what = if folder.exists() { "not a folder" } else { "no such folder" };
        return missing(what.to_owned(), "name the folder that holds the four files (--data-dir)");
    }
    let found = PARTS.map(|(part, _)| {
        spellings(part).into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
    });
    if let [Some(a), Some(b), Some(c), Some(d)] = found {
        return Ok([a, b, c, d]);
    }
    let lacking: Vec<&str> =
        PARTS.iter().zip(&found).filter(|(_, path)| path.is_none()).map(|((part, _), _)| *part).collect();
    missing(
        format!("found no {} (nor with .idx for -idx, nor with .gz after it)", lacking.join(", no ")),
        otherwise,
    )
}

/// What the folder's name tells.
fn describe(folder: &Path) -> About {
    let own = About::own(folder, Vec::new());
    let letters: String =
        own.name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    if !matches!(letters.as_str(), "fashionmnist" | "fmnist") {
        return own;
    }
    About { name: own.name, ..FASHION.about(folder) }
}
