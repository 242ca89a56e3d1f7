//! Decodes the objects of a pack once each, bases before what stands on them, by several threads; what is learnt of a
//! base is at hand for what stands on it.

use std::sync::atomic::{AtomicUsize, Ordering};

use cordon_inspect::Copied;
use gix_hash::ObjectId;
use gix_object::Kind;
use gix_pack::data::entry::Header;

use super::store::Pack;
use crate::limits::{BASES_BYTES_MAX, CHAIN_MAX, OBJECT_BYTES_MAX};

/// The order in which a pack is decoded.
pub(crate) struct Plan {
    /// Objects by offset: offset, and position in the index of the pack.
    entries: Vec<(u64, u32)>,
    /// Roots by index, with their kind.
    roots: Vec<(u32, Kind)>,
    /// First object that stands on each, and the next one that stands on the same.
    first: Vec<u32>,
    next: Vec<u32>,
    /// Objects whose base is not in the pack or whose header is broken.
    pub(crate) broken: Vec<ObjectId>,
}

const NONE: u32 = u32::MAX;

/// An object of a pack.
pub(crate) struct Object<'a, T> {
    pub(crate) id: ObjectId,
    /// Where its id stands in the index of its pack.
    pub(crate) position: u32,
    pub(crate) kind: Kind,
    /// Its content, or why it does not decode.
    pub(crate) data: Result<&'a [u8], String>,
    /// What it stands on.
    pub(crate) base: Option<Under<'a, T>>,
}

/// What an object stands on.
pub(crate) struct Under<'a, T> {
    /// What was learnt of it.
    pub(crate) learnt: &'a T,
    /// Its bytes.
    pub(crate) len: usize,
    /// The parts of it that were copied.
    pub(crate) copied: &'a [Copied],
}

/// Takes an object, and gives what it learnt of it.
pub(crate) type Each<'a, T> = dyn FnMut(Object<'_, T>) -> Option<T> + 'a;

/// A base whose children are being walked.
struct Frame<T> {
    data: Vec<u8>,
    learnt: Option<T>,
    /// The next child.
    child: u32,
}

/// Buffers of one thread.
#[derive(Default)]
struct Buffers {
    inflate: gix_zlib::Inflate,
    delta: Vec<u8>,
    copied: Vec<Copied>,
    spare: Vec<Vec<u8>>,
}

impl Plan {
    pub(crate) fn new(pack: &Pack) -> Self {
        let mut entries: Vec<(u64, u32)> =
            (0..).zip(pack.index.iter()).map(|(at, entry)| (entry.pack_offset, at)).collect();
        entries.sort_unstable();
        let mut plan = Self {
            first: vec![NONE; entries.len()],
            next: vec![NONE; entries.len()],
            roots: Vec::new(),
            broken: Vec::new(),
            entries,
        };
        for index in (0..plan.entries.len()).rev() {
            plan.place(pack, index);
        }
        plan.roots.reverse();
        plan
    }

    fn place(&mut self, pack: &Pack, index: usize) {
        let Some(&(offset, position)) = self.entries.get(index) else { return };
        let id = || pack.index.oid_at_index(position).to_owned();
        let Ok(entry) = pack.data.entry(offset) else { return self.broken.push(id()) };
        let base = match entry.header {
            Header::OfsDelta { base_distance } => Header::verified_base_pack_offset(offset, base_distance),
            Header::RefDelta { base_id } => pack.index.lookup(base_id).map(|at| pack.index.pack_offset_at_index(at)),
            _ => match entry.header.as_kind() {
                Some(kind) => return self.roots.push((index as u32, kind)),
                None => None,
            },
        };
        let parent = base.and_then(|base| self.entries.binary_search_by_key(&base, |entry| entry.0).ok());
        match parent.and_then(|parent| Some((self.first.get_mut(parent)?, self.next.get_mut(index)?))) {
            Some((first, next)) => *next = std::mem::replace(first, index as u32),
            None => self.broken.push(id()),
        }
    }

    /// Decodes what stands on roots of the wanted kinds; each thread takes roots from `queue` and gives objects to `each`.
    pub(crate) fn run<T>(&self, pack: &Pack, queue: &AtomicUsize, wanted: &[Kind], each: &mut Each<'_, T>) {
        let mut buffers = Buffers::default();
        loop {
            let from = queue.fetch_add(64, Ordering::Relaxed);
            let Some(batch) = self.roots.get(from..self.roots.len().min(from + 64)) else { return };
            for (root, kind) in batch.iter().filter(|(_, kind)| wanted.contains(kind)) {
                self.chain(pack, *root, *kind, &mut buffers, each);
            }
        }
    }

    /// Decodes a root and all that stands on it, depth first; a base is dropped before its last child is walked.
    fn chain<T>(&self, pack: &Pack, root: u32, kind: Kind, buffers: &mut Buffers, each: &mut Each<'_, T>) {
        let mut data = buffers.spare.pop().unwrap_or_default();
        if let Err(reason) = self.inflate(pack, root, &mut buffers.inflate, &mut data) {
            return self.fail(pack, root, kind, &reason, each);
        }
        let learnt =
            self.give(pack, root, each, |id, position| Object { id, position, kind, data: Ok(&data), base: None });
        let mut stack = vec![Frame { data, learnt, child: self.child(root) }];
        while let Some(frame) = stack.last_mut() {
            if frame.child == NONE {
                if let Some(frame) = stack.pop() {
                    buffers.keep(frame.data);
                }
                continue;
            }
            let current = frame.child;
            frame.child = self.next.get(current as usize).copied().unwrap_or(NONE);
            match self.child_of(pack, current, frame, buffers) {
                Err(reason) => self.fail(pack, current, kind, &reason, each),
                Ok(_) if stack.len() >= CHAIN_MAX => self.fail(pack, current, kind, "a chain of deltas too long", each),
                Ok(data) => {
                    let Some(frame) = stack.last_mut() else { return };
                    let under = frame.learnt.as_ref().map(|learnt| Under {
                        learnt,
                        len: frame.data.len(),
                        copied: &buffers.copied,
                    });
                    let learnt = self.give(pack, current, each, |id, position| Object {
                        id,
                        position,
                        kind,
                        data: Ok(&data),
                        base: under,
                    });
                    let child = self.child(current);
                    if child == NONE {
                        buffers.keep(data);
                        continue;
                    }
                    if frame.child == NONE {
                        // Nothing else stands on this base.
                        frame.learnt = None;
                        buffers.keep(std::mem::take(&mut frame.data));
                    }
                    stack.push(Frame { data, learnt, child });
                    if stack.iter().map(|frame| frame.data.len()).sum::<usize>() > BASES_BYTES_MAX {
                        let lost = stack.pop().map_or(NONE, |frame| frame.child);
                        self.fail_all(pack, lost, kind, "deltas that need too much memory", each);
                    }
                }
            }
        }
    }

    /// Decodes what stands on `frame`; the copied parts are left in the buffers.
    fn child_of<T>(&self, pack: &Pack, index: u32, frame: &Frame<T>, buffers: &mut Buffers) -> Result<Vec<u8>, String> {
        let mut data = buffers.spare.pop().unwrap_or_default();
        self.inflate(pack, index, &mut buffers.inflate, &mut buffers.delta)?;
        apply(&frame.data, &buffers.delta, &mut data, &mut buffers.copied)?;
        Ok(data)
    }

    fn child(&self, index: u32) -> u32 {
        self.first.get(index as usize).copied().unwrap_or(NONE)
    }

    fn give<'a, T: 'a>(
        &self,
        pack: &Pack,
        index: u32,
        each: &mut Each<'_, T>,
        object: impl FnOnce(ObjectId, u32) -> Object<'a, T>,
    ) -> Option<T> {
        let (_, position) = *self.entries.get(index as usize)?;
        each(object(pack.index.oid_at_index(position).to_owned(), position))
    }

    /// An object that does not decode takes all that stands on it with it: each is reported.
    fn fail<T>(&self, pack: &Pack, index: u32, kind: Kind, reason: &str, each: &mut Each<'_, T>) {
        let lost = |id, position| Object { id, position, kind, data: Err(reason.to_owned()), base: None };
        self.give(pack, index, each, lost);
        self.fail_all(pack, self.child(index), kind, reason, each);
    }

    /// Reports an object, those that stand on the same base behind it, and all that stands on them.
    fn fail_all<T>(&self, pack: &Pack, index: u32, kind: Kind, reason: &str, each: &mut Each<'_, T>) {
        let lost = |id, position| Object { id, position, kind, data: Err(reason.to_owned()), base: None };
        let mut open = vec![index];
        while let Some(index) = open.pop().filter(|index| *index != NONE) {
            self.give(pack, index, each, lost);
            let next = self.next.get(index as usize).copied().unwrap_or(NONE);
            open.extend([next, self.child(index)].into_iter().filter(|index| *index != NONE));
        }
    }

    fn inflate(
        &self,
        pack: &Pack,
        index: u32,
        inflate: &mut gix_zlib::Inflate,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let offset = self.entries.get(index as usize).map(|entry| entry.0).ok_or("no such entry")?;
        let entry = pack.data.entry(offset).map_err(|error| error.to_string())?;
        // Deflate gives at most 1032 times what it takes: a header that promises more lies.
        let end = self.entries.get(index as usize + 1).map_or(pack.data.pack_end() as u64, |next| next.0);
        if entry.decompressed_size > (end.saturating_sub(offset) + 64) * 1040 {
            return Err("a header that promises more than the pack holds".to_owned());
        }
        if entry.decompressed_size > OBJECT_BYTES_MAX {
            return Err(format!("larger than {OBJECT_BYTES_MAX} bytes"));
        }
        out.clear();
        out.resize(entry.decompressed_size as usize, 0);
        pack.data.decompress_entry(&entry, inflate, out).map(|_| ()).map_err(|error| error.to_string())
    }
}

impl Buffers {
    fn keep(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < 4 {
            self.spare.push(buffer);
        }
    }
}

/// Applies a delta (gitformat-pack, "Deltified representation"): two sizes, then copies from the base and inserts.
pub(crate) fn apply(base: &[u8], delta: &[u8], out: &mut Vec<u8>, copied: &mut Vec<Copied>) -> Result<(), String> {
    out.clear();
    copied.clear();
    let mut at = 0;
    let base_size = size(delta, &mut at).ok_or("a delta that ends early")?;
    let result_size = size(delta, &mut at).ok_or("a delta that ends early")?;
    if base_size != base.len() as u64 || result_size > OBJECT_BYTES_MAX {
        return Err("a delta for another base".to_owned());
    }
    out.reserve(result_size as usize);
    while let Some(&op) = delta.get(at) {
        at += 1;
        let piece = if op & 0x80 != 0 {
            let mut field = |bits: std::ops::Range<u8>| {
                let mut value = 0usize;
                for (shift, bit) in bits.enumerate() {
                    if op >> bit & 1 == 1 {
                        value |= usize::from(*delta.get(at)?) << (8 * shift);
                        at += 1;
                    }
                }
                Some(value)
            };
            let (offset, len) = field(0..4).zip(field(4..7)).ok_or("a delta that ends early")?;
            let len = if len == 0 { 0x10000 } else { len };
            copied.push(Copied { from: offset, to: out.len(), len });
            base.get(offset..offset + len)
        } else {
            let len = usize::from(op);
            at += len;
            if len == 0 { None } else { delta.get(at - len..at) }
        };
        out.extend_from_slice(piece.ok_or("a delta that points outside")?);
        if out.len() as u64 > result_size {
            return Err("a delta that gives too much".to_owned());
        }
    }
    if out.len() as u64 == result_size { Ok(()) } else { Err("a delta that gives too little".to_owned()) }
}

fn size(delta: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let byte = *delta.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn copies_and_inserts_are_applied_and_lies_refused() {
        let (mut out, mut copied) = (Vec::new(), Vec::new());
        // Base of 10, result of 7: copy 4 from 2, insert `xyz`.
        assert_eq!(apply(b"0123456789", &[10, 7, 0x91, 2, 4, 3, b'x', b'y', b'z'], &mut out, &mut copied), Ok(()));
        assert_eq!(out, b"2345xyz");
        assert_eq!(copied, [Copied { from: 2, to: 0, len: 4 }]);
        for bad in [
            &[9, 7, 0x91, 2, 4][..],
            &[10, 4, 0x91, 9, 4],
            &[10, 2, 3, b'x', b'y', b'z'],
            &[10, 5, 0],
            &[10],
            &[10, 9, 0x91, 0, 4],
        ] {
            assert!(apply(b"0123456789", bad, &mut out, &mut copied).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_any_delta(delta in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = apply(b"0123456789", &delta, &mut Vec::new(), &mut Vec::new());
        }
    }
}
