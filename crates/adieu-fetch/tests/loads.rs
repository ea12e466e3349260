//! What was fetched loads: a tiny dataset in the files of a real one, with checksums of its own.
#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and these are their helpers

mod support;

use std::fmt::Write as _;
use std::io::Write as _;

use adieu_data::{RemoteFile, Source};
use adieu_fetch::How;
use sha2::{Digest, Sha256};
use support::{Act, Place, Server};

const ROWS: [u32; 2] = [20, 10];
const PIXELS: u32 = 28 * 28;

fn gzip(sizes: &[u32], elements: &[u8]) -> &'static [u8] {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(&[0, 0, 8, sizes.len() as u8]).unwrap();
    sizes.iter().for_each(|size| writer.write_all(&size.to_be_bytes()).unwrap());
    writer.write_all(elements).unwrap();
    writer.finish().unwrap().leak()
}

/// Images and labels of so many rows: pixels count up, labels go round.
fn part(rows: u32) -> [&'static [u8]; 2] {
    let pixels: Vec<u8> = (0..rows * PIXELS).map(|pixel| (pixel % 251) as u8).collect();
    let labels: Vec<u8> = (0..rows).map(|row| (row % 10) as u8).collect();
    [gzip(&[rows, 28, 28], &pixels), gzip(&[rows], &labels)]
}

fn source(name: &str) -> &'static dyn Source {
    *adieu_data::list().iter().find(|source| source.kind() == name).unwrap()
}

/// The published file with the checksum of other contents.
fn with_contents(file: &RemoteFile, contents: &[u8]) -> RemoteFile {
    let mut sum = String::new();
    Sha256::digest(contents).iter().for_each(|byte| write!(sum, "{byte:02x}").unwrap());
    RemoteFile { sha256: Some(sum.leak()), md5: None, bytes: Some(contents.len() as u64), ..*file }
}

#[test]
fn four_files_that_were_fetched_are_a_dataset() {
    let ([a, b], [c, d]) = (part(ROWS[0]), part(ROWS[1]));
    let contents = [a, b, c, d];
    let published = source("fashion-mnist").files();
    let files: Vec<RemoteFile> =
        published.iter().zip(contents).map(|(file, contents)| with_contents(file, contents)).collect();
    // The first is cut once, so that it is put together from two answers.
    let acts = [Act::Cut(a, 100), Act::Serve(a), Act::Serve(b), Act::Serve(c), Act::Serve(d)];
    let server = Server::new(&acts);
    let mut place = Place::new();
    let fetched = place.fetch(&files, Some(&server.at("sets"))).unwrap();
    assert!(fetched.iter().all(|file| matches!(file.how, How::Came { resumed: 0, .. })), "{fetched:?}");
    let first = format!("/sets/tiny/{}", files[0].name);
    assert_eq!(server.heard()[..2], [first.clone(), format!("{first} from 100")]);

    let data = adieu_data::load("fashion-mnist", Some(place.path())).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.train.width()), (20, 10, PIXELS as usize));
    assert_eq!(data.train.labels(&[0, 9, 13]), [0, 9, 3]);
    assert_eq!(data.info.classes[9], "Ankle boot");
    let again = place.fetch(&files, None).unwrap();
    assert!(again.iter().all(|file| file.how == How::Kept), "nothing is fetched twice: {again:?}");
}

/// What the registry states can be fetched, and put where the dataset is looked for.
#[test]
fn every_published_file_is_well_stated() {
    let mut wrong = Vec::new();
    let hexadecimal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    for source in adieu_data::list() {
        let mut names = Vec::new();
        for file in source.files() {
            let plain =
                !file.name.is_empty() && !file.name.contains(['/', '\\']) && !file.name.starts_with('.');
            let sums = [(file.sha256, 64), (file.md5, 32)];
            let sound = sums.iter().all(|(sum, n)| sum.is_none_or(|sum| sum.len() == *n && hexadecimal(sum)));
            let asked = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
            let addresses = !file.urls.is_empty() && file.urls.iter().all(asked);
            if !plain || !sound || !addresses || source.bundled() || names.contains(&file.name) {
                wrong.push(format!("{}: {file:?}", source.kind()));
            }
            names.push(file.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
