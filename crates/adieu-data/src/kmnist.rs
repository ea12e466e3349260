//! `kmnist`: 70,000 characters of cursive Japanese in MNIST's layout (Clanuwat et al., arXiv:1812.01718).

use crate::four::{Four, four_files};

/// See the module.
pub(crate) static KMNIST: Four = Four {
    kind: "kmnist",
    about: "70,000 characters of cursive Japanese, 28 × 28 grey, 10 classes",
    licence: "CC BY-SA 4.0, CODH and partners",
    citation: "T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha, Deep learning for classical \
               Japanese literature, arXiv:1812.01718, 2018",
    classes: &["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    files: four_files!(
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        [
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134"
        ]
    ),
};
