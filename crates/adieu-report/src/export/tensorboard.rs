//! TensorBoard's event files: records framed as TensorFlow frames them, each an `Event` of protocol buffers.
//!
//! ```text
//! record   length u64 | masked crc32c of it u32 | data | masked crc32c of the data u32        little-endian
//! masked   ((crc >> 15) | (crc << 17)) + 0xa282ead8
//! Event    1: wall_time double   2: step int64   3: file_version string   5: summary
//! Summary  1: repeated { 1: tag string, 2: simple_value float }
//! ```

use adieu_record::Stamped;

use super::{numbers, tag};

/// The bytes of the file. Its name must hold `tfevents`. Numbers that were not measured are left out: it has no way to say
/// why.
pub fn tensorboard(events: &[Stamped]) -> Vec<u8> {
    let all = numbers(events);
    let mut file = Vec::new();
    let start = all.first().map_or(0, |number| number.unix_ms);
    let mut version = event(start, 0);
    field(&mut version, 3, b"brain.Event:2");
    frame(&mut file, &version);
    for number in all {
        let Some(value) = number.value else { continue };
        let mut one = Vec::new();
        field(&mut one, 1, tag(&number).as_bytes());
        one.push(2 << 3 | 5);
        one.extend((value as f32).to_le_bytes());
        let mut summary = Vec::new();
        field(&mut summary, 1, &one);
        let mut data = event(number.unix_ms, number.step);
        field(&mut data, 5, &summary);
        frame(&mut file, &data);
    }
    file
}

fn event(unix_ms: u64, step: u64) -> Vec<u8> {
    let mut data = vec![1 << 3 | 1];
    data.extend((unix_ms as f64 / 1e3).to_le_bytes());
    data.push(2 << 3);
    varint(&mut data, step);
    data
}

fn field(to: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    to.push(number << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend(bytes);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn frame(to: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    to.extend(length);
    to.extend(masked(&length).to_le_bytes());
    to.extend(data);
    to.extend(masked(data).to_le_bytes());
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's, bit by bit: these files are small.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn castagnoli_by_its_check_values() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa); // RFC 3720, B.4
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn varints_are_those_of_protocol_buffers() {
        let bytes = |value| {
            let mut to = Vec::new();
            varint(&mut to, value);
            to
        };
        assert_eq!((bytes(1), bytes(150), bytes(300)), (vec![1], vec![0x96, 1], vec![0xac, 2]));
    }
}
