//! Decodes the objects of a pack once each, bases before what stands on them, by several threads; what is learnt of a
//! base is at hand for what stands on it.

use std::sync::atomic::{AtomicUsize, Ordering};

use cordon_inspect::change::COPIED_BYTES_MIN;
use cordon_inspect::{Copied, Trace};
use gix_hash::{ObjectId, oid};
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
/// Bytes of what was learnt that are kept of even the smallest text.
const LEARNT_BYTES_MIN: usize = 64 << 10;

/// An object of a pack.
pub(crate) struct Object<'a, T> {
    pub(crate) id: ObjectId,
    /// Where its id stands in the index of its pack.
    pub(crate) position: u32,
    pub(crate) kind: Kind,
    pub(crate) content: Content<'a>,
    /// What it stands on.
    pub(crate) base: Option<Under<'a, T>>,
}

/// What there is of an object.
pub(crate) enum Content<'a> {
    /// All its bytes.
    Bytes(&'a [u8]),
    /// It does not decode, for this reason.
    Lost(String),
    /// It need not be decoded.
    Passed,
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

/// What is kept of a base for what stands on it.
pub(crate) trait Learnt {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize;
}

impl Learnt for Trace {
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
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
        plan.find_unreached(pack);
        plan
    }

    /// Objects that no root reaches stand on one another in a ring.
    fn find_unreached(&mut self, pack: &Pack) {
        let mut reached = vec![false; self.entries.len()];
        let mut open: Vec<u32> = self.roots.iter().map(|(root, _)| *root).collect();
        while let Some(index) = open.pop() {
            if let Some(slot) = reached.get_mut(index as usize) {
                *slot = true;
            }
            let children = std::iter::successors(Some(self.child(index)), |child| Some(self.sibling(*child)));
            open.extend(children.take_while(|child| *child != NONE));
        }
        let lost = self.entries.iter().zip(&reached).filter(|(_, reached)| !**reached);
        self.broken.extend(lost.map(|((_, position), _)| pack.index.oid_at_index(*position).to_owned()));
        self.broken.sort_unstable();
        self.broken.dedup();
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

    fn child(&self, index: u32) -> u32 {
        self.first.get(index as usize).copied().unwrap_or(NONE)
    }

    fn sibling(&self, index: u32) -> u32 {
        self.next.get(index as usize).copied().unwrap_or(NONE)
    }
}

/// A walk through one pack, on several threads.
pub(crate) struct Walk<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) pack: &'a Pack,
    /// The next root, for all threads.
    pub(crate) queue: AtomicUsize,
    /// The kinds of objects that are wanted.
    pub(crate) wanted: &'a [Kind],
    /// Tells whether a blob need not be decoded; those that stand on it may need it all the same.
    pub(crate) passed: &'a (dyn Fn(&oid) -> bool + Sync),
}

impl Walk<'_> {
    /// Takes roots from the queue, decodes what stands on them and gives it to `each`.
    pub(crate) fn run<T: Learnt>(&self, each: &mut Each<'_, T>) {
        let mut buffers = Buffers::default();
        let roots = &self.plan.roots;
        loop {
            let from = self.queue.fetch_add(64, Ordering::Relaxed);
            let Some(batch) = roots.get(from..roots.len().min(from + 64)) else { return };
            for &(root, kind) in batch.iter().filter(|(_, kind)| self.wanted.contains(kind)) {
                if kind != Kind::Blob || !self.pass(root, each) {
                    self.chain(root, kind, &mut buffers, each);
                }
            }
        }
    }

    /// Passes over a root and all that stands on it, if none of that need be decoded.
    fn pass<T>(&self, root: u32, each: &mut Each<'_, T>) -> bool {
        let mut members = vec![root];
        let mut at = 0;
        while let Some(&index) = members.get(at) {
            if !self.id(index).is_some_and(|(id, _)| (self.passed)(&id)) {
                return false;
            }
            at += 1;
            let children = std::iter::successors(Some(self.plan.child(index)), |child| Some(self.plan.sibling(*child)));
            members.extend(children.take_while(|child| *child != NONE));
        }
        for index in members {
            self.give(index, Kind::Blob, Content::Passed, None, each);
        }
        true
    }

    /// Decodes a root and all that stands on it, depth first; a base is dropped before its last child is walked.
    fn chain<T: Learnt>(&self, root: u32, kind: Kind, buffers: &mut Buffers, each: &mut Each<'_, T>) {
        let mut data = buffers.spare.pop().unwrap_or_default();
        if let Err(reason) = self.inflate(root, &mut buffers.inflate, &mut data) {
            return self.fail(root, kind, &reason, each);
        }
        let learnt = self.give(root, kind, Content::Bytes(&data), None, each);
        let mut stack = vec![Frame { data, learnt, child: self.plan.child(root) }];
        while let Some(frame) = stack.last_mut() {
            if frame.child == NONE {
                if let Some(frame) = stack.pop() {
                    buffers.keep(frame.data);
                }
                continue;
            }
            let current = frame.child;
            frame.child = self.plan.sibling(current);
            match self.child_of(current, frame, buffers) {
                Err(reason) => self.fail(current, kind, &reason, each),
                Ok(_) if stack.len() >= CHAIN_MAX => self.fail(current, kind, "a chain of deltas too long", each),
                Ok(data) => {
                    let Some(frame) = stack.last_mut() else { return };
                    let under = frame.learnt.as_ref().map(|learnt| Under {
                        learnt,
                        len: frame.data.len(),
                        copied: &buffers.copied,
                    });
                    let learnt = self.give(current, kind, Content::Bytes(&data), under, each);
                    let child = self.plan.child(current);
                    if child == NONE {
                        buffers.keep(data);
                        continue;
                    }
                    if frame.child == NONE {
                        // Nothing else stands on this base.
                        frame.learnt = None;
                        buffers.keep(std::mem::take(&mut frame.data));
                    }
                    // More than a few times its text is not worth keeping: what stands on it is read whole.
                    let learnt = learnt.filter(|learnt| learnt.bytes() <= 4 * data.len() + LEARNT_BYTES_MIN);
                    stack.push(Frame { data, learnt, child });
                    if stack.iter().map(|frame| frame.data.len()).sum::<usize>() > BASES_BYTES_MAX {
                        let lost = stack.pop().map_or(NONE, |frame| frame.child);
                        self.fail_all(lost, kind, "deltas that need too much memory", each);
                    }
                }
            }
        }
    }

    /// Decodes what stands on `frame`; the copied parts are left in the buffers.
    fn child_of<T>(&self, index: u32, frame: &Frame<T>, buffers: &mut Buffers) -> Result<Vec<u8>, String> {
        let mut data = buffers.spare.pop().unwrap_or_default();
        self.inflate(index, &mut buffers.inflate, &mut buffers.delta)?;
        apply(&frame.data, &buffers.delta, &mut data, &mut buffers.copied)?;
        Ok(data)
    }

    /// The id of an object, and its position in the index of the pack.
    fn id(&self, index: u32) -> Option<(ObjectId, u32)> {
        let (_, position) = *self.plan.entries.get(index as usize)?;
        Some((self.pack.index.oid_at_index(position).to_owned(), position))
    }

    fn give<T>(
        &self,
        index: u32,
        kind: Kind,
        content: Content<'_>,
        base: Option<Under<'_, T>>,
        each: &mut Each<'_, T>,
    ) -> Option<T> {
        let (id, position) = self.id(index)?;
        each(Object { id, position, kind, content, base })
    }

    /// An object that does not decode takes all that stands on it with it: each is reported.
    fn fail<T>(&self, index: u32, kind: Kind, reason: &str, each: &mut Each<'_, T>) {
        self.give(index, kind, Content::Lost(reason.to_owned()), None, each);
        self.fail_all(self.plan.child(index), kind, reason, each);
    }

    /// Reports an object, those that stand on the same base behind it, and all that stands on them.
    fn fail_all<T>(&self, index: u32, kind: Kind, reason: &str, each: &mut Each<'_, T>) {
        let mut open = vec![index];
        while let Some(index) = open.pop() {
            if index != NONE {
                self.give(index, kind, Content::Lost(reason.to_owned()), None, each);
                open.extend([self.plan.sibling(index), self.plan.child(index)]);
            }
        }
    }

    fn inflate(&self, index: u32, inflate: &mut gix_zlib::Inflate, out: &mut Vec<u8>) -> Result<(), String> {
        let offset = self.plan.entries.get(index as usize).map(|entry| entry.0).ok_or("no such entry")?;
        let entry = self.pack.data.entry(offset).map_err(|error| error.to_string())?;
        // Deflate gives at most 1032 times what it takes: a header that promises more lies.
        let end = self.plan.entries.get(index as usize + 1).map_or(self.pack.data.pack_end() as u64, |next| next.0);
        if entry.decompressed_size > (end.saturating_sub(offset) + 64) * 1040 {
            return Err("a header that promises more than the pack holds".to_owned());
        }
        if entry.decompressed_size > OBJECT_BYTES_MAX {
            return Err(format!("larger than {OBJECT_BYTES_MAX} bytes"));
        }
        out.clear();
        out.resize(entry.decompressed_size as usize, 0);
        self.pack.data.decompress_entry(&entry, inflate, out).map(|_| ()).map_err(|error| error.to_string())
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
            push_copied(copied, Copied { from: offset, to: out.len(), len });
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

/// Joins what continues the last part; a part too short to be of use is forgotten, so that there are never many.
fn push_copied(copied: &mut Vec<Copied>, part: Copied) {
    match copied.last_mut() {
        Some(last) if last.from + last.len == part.from && last.to + last.len == part.to => last.len += part.len,
        Some(last) if last.len < COPIED_BYTES_MIN => *last = part,
        _ => copied.push(part),
    }
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

    #[test]
    fn many_short_copies_are_not_remembered() {
        // Ten thousand times one byte from the start of the base.
        let mut delta = vec![10, 0x90, 0x4e];
        delta.extend([0x90, 1].repeat(10_000));
        let (mut out, mut copied) = (Vec::new(), Vec::new());
        assert_eq!(apply(b"0123456789", &delta, &mut out, &mut copied), Ok(()));
        assert_eq!(out.len(), 10_000);
        assert!(copied.len() <= 1, "{}", copied.len());
    }

    proptest! {
        #[test]
        fn never_panics_on_any_delta(delta in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = apply(b"0123456789", &delta, &mut Vec::new(), &mut Vec::new());
        }
    }
}
