//! The stream: every length, every segment, every change.

use cordon_keys::DataKey;
use cordon_keys::stream::{
    Encryptor, FIRST_BYTES, HEADER_BYTES, Place, REST_BYTES, SEGMENT_BYTES, Segment, Stream, TAG_BYTES, segments,
    stored_bytes,
};
use cordon_testkit::Chance;
use proptest::prelude::*;

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place.wrapping_mul(31) >> 3) as u8).collect()
}

fn sealed(key: &DataKey, plain: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encryptor = Encryptor::begin(key, b"ad", &mut Chance::new(1), &mut out);
    plain.chunks(piece.max(1)).for_each(|piece| encryptor.update(piece, &mut out).expect("short enough"));
    encryptor.finish(&mut out).expect("short enough");
    out
}

/// Opens the segment that holds `offset`.
fn opened(key: &DataKey, stored: &[u8], plain_bytes: u64, offset: u64) -> Option<Vec<u8>> {
    let header = stored.first_chunk::<HEADER_BYTES>()?;
    let stream = Stream::open(key, b"ad", header).ok()?;
    let segment = Segment::holding(offset, plain_bytes)?;
    let start = segment.stored_start as usize;
    let mut bytes = stored.get(start..start + segment.plain_bytes as usize + TAG_BYTES)?.to_vec();
    stream.unseal(segment.number, segment.place, &mut bytes).ok().map(|plain| plain.to_vec())
}

fn all(key: &DataKey, stored: &[u8], plain_bytes: u64) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    loop {
        plain.extend(opened(key, stored, plain_bytes, plain.len() as u64)?);
        if plain.len() as u64 == plain_bytes {
            return Some(plain);
        }
    }
}

#[test]
fn every_border_reads_back_and_has_its_length() {
    let key = DataKey::draw(&mut Chance::new(7));
    let borders = [0, 1, FIRST_BYTES - 1, FIRST_BYTES, FIRST_BYTES + 1, FIRST_BYTES + REST_BYTES];
    for length in borders.into_iter().chain([FIRST_BYTES + REST_BYTES + 1]) {
        let plain = text(length);
        let stored = sealed(&key, &plain, 70_000);
        assert_eq!(stored.len() as u64, stored_bytes(length as u64), "{length}");
        assert_eq!(stored.len().div_ceil(SEGMENT_BYTES) as u64, segments(length as u64), "{length}");
        assert_eq!(all(&key, &stored, length as u64), Some(plain), "{length}");
    }
}

#[test]
fn a_changed_cut_or_moved_segment_does_not_open() {
    let key = DataKey::draw(&mut Chance::new(7));
    let plain = text(2 * SEGMENT_BYTES + 100);
    let length = plain.len() as u64;
    let stored = sealed(&key, &plain, 1 << 20);
    let refused = |stored: &[u8], length: u64, what: &str| assert_eq!(all(&key, stored, length), None, "{what}");

    let mut chance = Chance::new(11);
    for _ in 0..40 {
        let place = chance.below(stored.len() as u64) as usize;
        let mut changed = stored.clone();
        changed[place] ^= 1 << chance.below(8);
        refused(&changed, length, &format!("bit in byte {place}"));
    }
    refused(&stored[..SEGMENT_BYTES], FIRST_BYTES as u64, "cut after the first segment");
    refused(&stored[..stored.len() - 1], length - 1, "cut by a byte");
    let mut swapped = stored.clone();
    swapped[SEGMENT_BYTES..].rotate_left(SEGMENT_BYTES);
    refused(&swapped, length, "segments swapped");
    let other = DataKey::draw(&mut Chance::new(8));
    assert_eq!(all(&other, &stored, length), None, "another key");
    let header = stored.first_chunk::<HEADER_BYTES>().expect("a header");
    let stream = Stream::open(&key, b"AD", header).expect("opens");
    let mut first = stored[HEADER_BYTES..SEGMENT_BYTES].to_vec();
    assert!(stream.unseal(0, Place::More, &mut first).is_err(), "other associated data");
    let mut wrong = stored.clone();
    wrong[0] = 41;
    assert!(Stream::open(&key, b"ad", wrong.first_chunk().expect("a header")).is_err(), "a header of another length");
}

#[test]
fn segments_that_do_not_fit_their_place_are_refused() {
    let key = DataKey::draw(&mut Chance::new(7));
    let (stream, _) = Stream::begin(&key, b"", &mut Chance::new(1));
    assert!(stream.seal(0, Place::More, &mut [0; 10]).is_err(), "short, and not the last");
    assert!(stream.seal(1, Place::Last, &mut []).is_err(), "an empty last segment behind others");
    assert!(stream.seal(u64::from(u32::MAX), Place::Last, &mut [0; 10]).is_err(), "a number that does not fit");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_piece_and_any_offset_reads_back(length in 0usize..3_000_000, piece in 1usize..2_000_000, at in 0.0f64..1.0) {
        let key = DataKey::draw(&mut Chance::new(length as u64));
        let plain = text(length);
        let stored = sealed(&key, &plain, piece);
        let offset = (at * length as f64) as u64;
        if let Some(segment) = Segment::holding(offset, length as u64) {
            let got = opened(&key, &stored, length as u64, offset).expect("opens");
            let start = segment.plain_start as usize;
            prop_assert_eq!(&got, &plain[start..start + got.len()]);
            prop_assert!(length == 0 || (start as u64 <= offset && offset < (start + got.len()) as u64));
        } else {
            prop_assert!(offset >= length as u64);
        }
    }
}
