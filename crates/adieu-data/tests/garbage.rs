//! Garbage and damaged files: never a panic, never much memory. One test, alone in its process, since it watches the
//! memory of all of it.

mod support;

use adieu_data::{ImageShape, read_image};
use png::{BitDepth, ColorType};
use proptest::prelude::*;
use support::{Folder, NAMES, gzip, idx, png};

/// The most memory this process ever had reserved, in bytes; 0 where the system does not say.
fn most_reserved() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// One damage: bytes set, then perhaps cut or lengthened.
#[derive(Debug, Clone)]
struct Damage {
    set: Vec<(prop::sample::Index, u8)>,
    keep: Option<prop::sample::Index>,
    tail: Vec<u8>,
}

impl Damage {
    fn to(&self, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        for (at, byte) in &self.set {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        if let Some(keep) = &self.keep {
            file.truncate(keep.index(file.len() + 1));
        }
        file.extend(&self.tail);
        file
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let set = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let tail = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..9)];
    (set, prop::option::weighted(0.3, any::<prop::sample::Index>()), tail)
        .prop_map(|(set, keep, tail)| Damage { set, keep, tail })
}

/// Files that begin well, go on wildly, and may claim anything.
fn wild() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![
        Just(vec![]),
        Just(vec![0, 0, 8, 3]),
        Just(vec![0, 0, 8, 1]),
        Just(vec![0x1f, 0x8b, 8, 0]),
        Just(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec()),
    ];
    let rest = prop::collection::vec(any::<u8>(), 0..200);
    (start, rest, any::<bool>()).prop_map(|(start, rest, pack)| {
        let file = [start, rest].concat();
        if pack { gzip(&file) } else { file }
    })
}

#[test]
fn damaged_and_wild_files_are_read_or_refused_and_take_little_memory() {
    let shape = ImageShape { height: 2, width: 3, channels: 1 };
    let folder = Folder::new();
    let picture = png(3, 2, ColorType::Rgba, BitDepth::Eight, &[200; 24]);
    let good: Vec<Vec<u8>> = NAMES.iter().map(|name| folder.read(name)).collect();
    let read = |bytes: &[u8]| {
        let image = folder.write("image", bytes);
        if let Ok(pixels) = read_image(&image, shape) {
            assert_eq!(pixels.len(), shape.pixels());
        }
        for (part, name) in NAMES.iter().enumerate() {
            folder.write(name, bytes);
            if let Ok(dataset) = folder.load() {
                assert_eq!(dataset.train.pixels().len(), dataset.train.len() * dataset.info.image.pixels());
                let classes = dataset.info.classes.len();
                assert!(dataset.test.all_labels().iter().all(|&label| usize::from(label) < classes));
            }
            folder.write(name, &good[part]);
        }
    };
    read(&picture); // whatever is set up once is set up now
    let before = most_reserved();

    // headers that promise 2 GiB, over nothing; as images, as labels, packed
    for claim in [idx(&[1 << 16, 1 << 10, 32], &[]), idx(&[1 << 31], &[7; 9]), idx(&[2, 1 << 30, 1], &[7; 9])]
    {
        read(&claim);
        read(&gzip(&claim));
    }
    // a picture of 65,535 × 65,535 pixels, by its header
    let mut huge = picture.clone();
    huge[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
    read(&huge);

    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) }, |(
        which in 0..4_usize, pack in any::<bool>(), (inner, outer) in (damage(), damage()), wild in wild()
    )| {
        let file = match which {
            0 => outer.to(&picture),
            _ if pack => outer.to(&gzip(&inner.to(&good[which]))),
            _ => outer.to(&good[which]),
        };
        read(&file);
        read(&wild);
    });
    let grown = most_reserved() - before;
    assert!(grown < 64 << 20, "{} MiB more were reserved", grown >> 20);
}
