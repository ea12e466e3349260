//! `kmnist`: 70,000 characters of cursive Japanese in MNIST's layout (Clanuwat et al., arXiv:1812.01718).

use std::path::Path;

use crate::about::About;
use crate::error::DataError;
use crate::folder::read_four;
use crate::how::How;
use crate::published::{OR_PUT, missing, place};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, Origin};
use crate::source::Source;

const CLASSES: [&str; 10] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];

static FILES: [RemoteFile; 4] = [
    RemoteFile {
        name: "train-images-idx3-ubyte.gz",
        sha256: None,
        md5: Some("bdb82020997e1d708af4cf47b453dcf7"),
        bytes: None,
        urls: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/train-images-idx3-ubyte.gz"],
    },
    RemoteFile {
        name: "train-labels-idx1-ubyte.gz",
        sha256: None,
        md5: Some("e144d726b3acfaa3e44228e80efcd344"),
        bytes: None,
        urls: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/train-labels-idx1-ubyte.gz"],
    },
    RemoteFile {
        name: "t10k-images-idx3-ubyte.gz",
        sha256: None,
        md5: Some("5c965bf0a639b31b8f53240b1b52f4d7"),
        bytes: None,
        urls: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/t10k-images-idx3-ubyte.gz"],
    },
    RemoteFile {
        name: "t10k-labels-idx1-ubyte.gz",
        sha256: None,
        md5: Some("7320c461ea6c1c855c0b718fb2a4b134"),
        bytes: None,
        urls: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/t10k-labels-idx1-ubyte.gz"],
    },
];

/// See the module.
#[derive(Debug)]
pub(crate) struct Kmnist;

/// What its makers say of it.
fn about(origin: Origin) -> About {
    About {
        name: Kmnist.kind().to_owned(),
        origin,
        licence: Kmnist.licence().to_owned(),
        citation: "T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha, Deep learning for classical Japanese \
         literature, arXiv:1812.01718, 2018"
            .to_owned(),
        classes: CLASSES.map(str::to_owned).to_vec(),
    }
}

impl Source for Kmnist {
    fn kind(&self) -> &'static str {
        "kmnist"
    }

    fn about(&self) -> &'static str {
        "70,000 characters of cursive Japanese, 28 × 28 grey, 10 classes"
    }

    fn licence(&self) -> &'static str {
        "CC BY-SA 4.0, CODH and partners"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        &FILES
    }

    fn load(&self, folder: Option<&Path>, _how: &How) -> Result<Dataset, DataError> {
        let place = place(self, folder)?;
        read_four(&place, about(Origin::Folder(place.clone())), OR_PUT).map_err(|error| match error {
            DataError::Missing { path, what, .. } => missing(self, &path, what),
            other => other,
        })
    }
}
