//! Checksums of versions that came in parts: of all their bytes, or of the checksums of their parts.
//!
//! Source: "Checking object integrity" of the Amazon S3 user guide.

use std::collections::BTreeMap;

use cordon_vault::upload::SentPart;
use crc_fast::{CrcAlgorithm, checksum_combine};
use data_encoding::BASE64;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Sha1, Sha256};
use s3s::dto::{CompleteMultipartUploadInput, CompletedPart};
use s3s::{S3Result, s3_error};

/// Hashes bytes.
type Hash = fn(&[u8]) -> Vec<u8>;

/// A kind of checksum.
struct Kind {
    header: &'static str,
    /// What a client states of a part, and of all.
    of_part: fn(&CompletedPart) -> &Option<String>,
    of_all: fn(&CompleteMultipartUploadInput) -> &Option<String>,
    /// How that of all bytes follows from those of parts, if it does.
    combined: Option<CrcAlgorithm>,
    /// What hashes the checksums of parts, where that is done.
    hash: Option<Hash>,
}

const KINDS: [Kind; 5] = [
    Kind {
        header: "x-amz-checksum-crc32",
        of_part: |part| &part.checksum_crc32,
        of_all: |input| &input.checksum_crc32,
        combined: Some(CrcAlgorithm::Crc32IsoHdlc),
        hash: Some(|bytes| Crc32::checksum(bytes).to_vec()),
    },
    Kind {
        header: "x-amz-checksum-crc32c",
        of_part: |part| &part.checksum_crc32c,
        of_all: |input| &input.checksum_crc32c,
        combined: Some(CrcAlgorithm::Crc32Iscsi),
        hash: Some(|bytes| Crc32c::checksum(bytes).to_vec()),
    },
    Kind {
        header: "x-amz-checksum-crc64nvme",
        of_part: |part| &part.checksum_crc64nvme,
        of_all: |input| &input.checksum_crc64nvme,
        combined: Some(CrcAlgorithm::Crc64Nvme),
        hash: None,
    },
    Kind {
        header: "x-amz-checksum-sha1",
        of_part: |part| &part.checksum_sha1,
        of_all: |input| &input.checksum_sha1,
        combined: None,
        hash: Some(|bytes| Sha1::checksum(bytes).as_ref().to_vec()),
    },
    Kind {
        header: "x-amz-checksum-sha256",
        of_part: |part| &part.checksum_sha256,
        of_all: |input| &input.checksum_sha256,
        combined: None,
        hash: Some(|bytes| Sha256::checksum(bytes).as_ref().to_vec()),
    },
];

/// What is known of a part: its checksum, and its length.
type Known = (Vec<u8>, u64);

/// The checksums of a version, as they are kept: they follow from those that came with its parts. What is stated of parts, or of all, is
/// compared with these.
pub(super) fn of_all(
    input: &CompleteMultipartUploadInput,
    named: &[(u32, CompletedPart)],
    sent: &[(u32, SentPart)],
) -> S3Result<Vec<(String, String)>> {
    let mut kept = Vec::new();
    // Of one that is named twice, the last counts.
    let named = named.chunk_by(|(one, _), (other, _)| one == other).filter_map(<[_]>::last);
    let sent: BTreeMap<u32, &SentPart> = sent.iter().map(|(number, part)| (*number, part)).collect();
    let named: Vec<_> = named.map(|(number, part)| (sent.get(number).copied(), part)).collect();
    for kind in &KINDS {
        let own = |part: &SentPart| {
            let said = part.said.iter().find(|(name, _)| name == kind.header);
            said.map(|(_, value)| (value.clone(), part.bytes()))
        };
        let own: Vec<_> = named.iter().map(|(sent, _)| sent.and_then(own)).collect();
        let stated = named.iter().map(|(_, part)| (kind.of_part)(part).as_deref());
        let differs = |(stated, own): (Option<&str>, &Option<(String, u64)>)| {
            stated.is_some_and(|stated| own.as_ref().is_none_or(|(own, _)| own != stated))
        };
        if stated.zip(&own).any(differs) {
            return Err(s3_error!(InvalidPart, "a part came with another checksum, or with none"));
        }
        let parts: Option<Vec<Known>> = own.iter().map(|own| read(own.as_ref()?)).collect();
        let stated = (kind.of_all)(input).as_deref();
        match (parts.and_then(|parts| kind.whole(&parts, stated)), stated) {
            (Some(own), Some(stated)) if own != stated => {
                return Err(s3_error!(BadDigest, "the parts together are not what the checksum says"));
            }
            (Some(own), _) => kept.push((kind.header.to_owned(), own)),
            (None, Some(_)) => {
                return Err(s3_error!(InvalidRequest, "no checksum of that kind came with each part"));
            }
            (None, None) => {}
        }
    }
    Ok(kept)
}

fn read((value, bytes): &(String, u64)) -> Option<Known> {
    Some((BASE64.decode(value.as_bytes()).ok()?, *bytes))
}

impl Kind {
    /// The checksum of all: of the kind that is stated, else of the checksums of parts, where that is usual.
    fn whole(&self, parts: &[Known], stated: Option<&str>) -> Option<String> {
        let of_parts = stated.map_or(self.hash.is_some(), |stated| stated.contains('-'));
        if of_parts {
            let all: Vec<u8> = parts.iter().flat_map(|(sum, _)| sum.iter().copied()).collect();
            return Some(format!("{}-{}", BASE64.encode(&self.hash?(&all)), parts.len()));
        }
        let (algorithm, ((first, _), rest)) = (self.combined?, parts.split_first()?);
        let whole = rest
            .iter()
            .fold(number(first), |sum, (next, bytes)| checksum_combine(algorithm, sum, number(next), *bytes));
        let width = first.len().min(8);
        whole.to_be_bytes().get(8 - width..).map(|bytes| BASE64.encode(bytes))
    }
}

fn number(sum: &[u8]) -> u64 {
    sum.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use s3s::crypto::Crc64Nvme;

    use super::*;

    fn kind(header: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.header.ends_with(header)).expect("a kind")
    }

    fn known<H: s3s::crypto::Checksum>(parts: &[&[u8]]) -> Vec<Known> {
        parts.iter().map(|part| (H::checksum(part).as_ref().to_vec(), part.len() as u64)).collect()
    }

    #[test]
    fn that_of_all_bytes_follows_from_those_of_parts() {
        let parts: [&[u8]; 3] =
            [b"every byte carries a label, ", b"every access is a decision, ", b"every decision a receipt"];
        let all = parts.concat();
        let whole = |name: &str, parts: Vec<Known>| kind(name).whole(&parts, Some("stated"));
        let encode = |bytes: &[u8]| Some(BASE64.encode(bytes));
        assert_eq!(whole("crc32", known::<Crc32>(&parts)), encode(&Crc32::checksum(&all)));
        assert_eq!(whole("crc32c", known::<Crc32c>(&parts)), encode(&Crc32c::checksum(&all)));
        assert_eq!(whole("crc64nvme", known::<Crc64Nvme>(&parts)), encode(&Crc64Nvme::checksum(&all)));
        assert_eq!(kind("crc64nvme").whole(&known::<Crc64Nvme>(&parts), None), encode(&Crc64Nvme::checksum(&all)));
        assert_eq!(whole("sha256", known::<Sha256>(&parts)), None, "it does not");
    }

    #[test]
    fn that_of_parts_is_the_checksum_of_their_checksums_and_how_many_they_are() {
        let parts: [&[u8]; 2] = [b"one", b"two"];
        let sums = known::<Sha256>(&parts);
        let both = [sums[0].0.as_slice(), &sums[1].0].concat();
        let expected = Some(format!("{}-2", BASE64.encode(Sha256::checksum(&both).as_ref())));
        assert_eq!(kind("sha256").whole(&sums, None), expected);
        assert_eq!(kind("sha256").whole(&sums, Some("x-2")), expected);
        assert_eq!(kind("crc64nvme").whole(&known::<Crc64Nvme>(&parts), Some("x-2")), None);
    }
}
