//! What is hashed of bytes that are written: what equal contents are known by, and an MD5 where a bucket asks for one.

use std::sync::{Arc, Mutex};

use cordon_domain::{Bucket, ContentDigest, Etags, Label, Level, VersionId};
use cordon_keys::{ContentHasher, ContentKey, ContentSum, Purpose};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::Said;
use md5::{Digest as _, Md5};

use crate::error::VaultError;
use crate::limits::CONTENT_BYTES_MIN;
use crate::vault::Vault;

/// Hashes bytes as they come.
pub(crate) struct Hashing {
    content: Option<ContentHasher>,
    md5: Option<Md5>,
}

/// What was hashed of a version, or of a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    content: Option<ContentSum>,
    md5: Option<[u8; 16]>,
}

impl Hashing {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(content) = &mut self.content {
            content.update(bytes);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    pub(crate) fn finish(self) -> Digests {
        let md5 = self.md5.map(|md5| md5.finalize().into());
        Digests { content: self.content.map(ContentHasher::finish), md5 }
    }
}

impl Digests {
    /// What tells one content from another, to clients: an MD5 where that was asked for. Else it is drawn, and ends as no MD5 does.
    pub(crate) fn tag(&self) -> String {
        self.md5.map_or_else(|| format!("{}-1", drawn()), |md5| cordon_domain::id::hex(&md5))
    }

    /// The same of a version that was made of parts: the MD5 of theirs, or drawn; and how many parts there were.
    pub(crate) fn tag_of(parts: &[Self]) -> String {
        let all: Option<Vec<[u8; 16]>> = parts.iter().map(|part| part.md5).collect();
        let tag = all.map_or_else(drawn, |all| cordon_domain::id::hex(&<[u8; 16]>::from(Md5::digest(all.concat()))));
        format!("{tag}-{}", parts.len())
    }
}

/// Drawn, so that nobody learns content from it.
fn drawn() -> String {
    cordon_domain::id::hex(&VersionId::draw(&mut SystemEntropy).0)
}

/// What is hashed of a version while somebody looks into it.
#[derive(Clone, Default)]
pub(crate) struct Passing(Arc<Mutex<Option<ContentHasher>>>);

impl Passing {
    /// Begins anew.
    fn begin(&self, hasher: ContentHasher) {
        if let Ok(mut passing) = self.0.lock() {
            *passing = Some(hasher);
        }
    }

    pub(crate) fn update(&self, piece: &[u8]) {
        if let Ok(mut passing) = self.0.lock()
            && let Some(hasher) = &mut *passing
        {
            hasher.update(piece);
        }
    }

    /// What came, if that was all of so many bytes.
    fn finish(&self, bytes: u64) -> Option<ContentSum> {
        let passed = self.0.lock().ok()?.take()?.finish();
        (passed.bytes() == bytes).then_some(passed)
    }
}

impl Vault {
    /// Begins to hash a version that has no digest yet: it was stored before there were any, or in parts of odd sizes.
    pub(crate) fn hash_passing(&self, said: &Said, passing: &Passing) -> Result<(), VaultError> {
        if let (None, Some(key)) = (said.content, self.content_key()?) {
            passing.begin(key.hasher());
        }
        Ok(())
    }

    /// What the content of a version is: as it is known, or as it passed, if all of it did.
    pub(crate) fn content_passed(
        &self,
        (version, said): (VersionId, &Said),
        passing: &Passing,
    ) -> Result<Option<ContentDigest>, VaultError> {
        if said.content.is_some() {
            return self.veiled(said.content, version);
        }
        match passing.finish(said.bytes) {
            Some(sum) => self.content_of(&[Digests { content: Some(sum), md5: None }], said.bytes),
            None => Ok(None),
        }
    }

    /// What hashes the bytes of a version that is written to a bucket with a label, or of a part of one. What is restricted has no
    /// MD5, whatever its bucket asks for.
    pub(crate) fn hashing(&self, bucket: &Bucket, label: &Label) -> Result<Hashing, VaultError> {
        let content = self.content_key()?.map(|key| key.hasher());
        let asked = bucket.guarding().etags == Etags::Md5 && label.level < Level::Restricted;
        let md5 = asked.then(Md5::new);
        Ok(Hashing { content, md5 })
    }

    /// What the content is of a version that is made of parts, in their order; nothing where nobody looks, of too few bytes, or of
    /// parts of odd lengths.
    pub(crate) fn content_of(&self, parts: &[Digests], bytes: u64) -> Result<Option<ContentDigest>, VaultError> {
        let sums: Option<Vec<ContentSum>> = parts.iter().map(|part| part.content).collect();
        let Some(sums) = sums.filter(|_| bytes >= CONTENT_BYTES_MIN) else { return Ok(None) };
        Ok(self.content_key()?.and_then(|key| key.digest(&sums)))
    }

    /// Veils a content for a version, or takes the veil away.
    pub(crate) fn veiled(
        &self,
        content: Option<ContentDigest>,
        version: VersionId,
    ) -> Result<Option<ContentDigest>, VaultError> {
        let Some(content) = content else { return Ok(None) };
        Ok(self.content_key()?.map(|key| key.veiled(content, version)))
    }

    /// The key under which contents are hashed, derived once. It stays, as that of passages does.
    fn content_key(&self) -> Result<Option<&ContentKey>, VaultError> {
        let Some(own) = &self.inspecting else { return Ok(None) };
        if let Some(key) = own.content_key.get() {
            return Ok(Some(key));
        }
        let key = self.keys.with(|unlocked| Ok(ContentKey::of(unlocked.own(Purpose::Index, 1)?)))?;
        Ok(Some(own.content_key.get_or_init(|| key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Digests {
        let mut hashing = Hashing { content: None, md5: Some(Md5::new()) };
        bytes.chunks(3).for_each(|piece| hashing.update(piece));
        hashing.finish()
    }

    /// RFC 1321, section A.5; and the MD5 of two of these.
    #[test]
    fn a_tag_is_an_md5_where_that_is_asked_for_and_drawn_elsewhere() {
        let (abc, empty) = (of(b"abc"), of(b""));
        assert_eq!(abc.tag(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(empty.tag(), "d41d8cd98f00b204e9800998ecf8427e");
        let both = [0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72];
        let two = [both, both].concat();
        assert_eq!(Digests::tag_of(&[abc, abc]), format!("{}-2", of(&two).tag()));
        let plain = Digests::default();
        assert!(plain.tag().ends_with("-1") && plain.tag() != plain.tag());
        assert!(Digests::tag_of(&[abc, plain]).ends_with("-2"));
        assert_ne!(Digests::tag_of(&[abc, plain]), Digests::tag_of(&[abc, plain]), "one has no MD5");
    }
}
