//! `fashion-mnist`: 70,000 pictures of clothes in MNIST's layout (Xiao, Rasul, Vollgraf, arXiv:1708.07747).

use crate::four::{Four, four_files};

/// See the module.
pub(crate) static FASHION: Four = Four {
    kind: "fashion-mnist",
    about: "70,000 pictures of clothes, 28 × 28 grey, 10 classes",
    licence: "MIT",
    citation: "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning \
               algorithms, arXiv:1708.07747, 2017",
    classes: &[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    files: four_files!(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        [
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310"
        ]
    ),
};
