//! Where a blob came from: the first commit that holds it, and its path there.
//!
//! Asking each commit for its files costs a search for every tree. Here all trees are decoded once in the order of their
//! packs; only which tree stands in which is kept (four bytes an edge), and the names of the blobs asked for.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use cordon_domain::finding::Commit;
use cordon_inspect::Change;
use gix_hash::{Kind as HashKind, ObjectId, oid};
use gix_object::Kind;

use super::history::{History, Met};
use super::store::{Pack, Store, read_loose};
use super::walk::{Content, Learnt, Under, Walk};
use crate::limits::{EDGES_MAX, FOLDER_DEPTH_MAX};
use crate::tally::Tally;

/// A tree, by its place in the indexes of the packs one after another, then among loose trees.
type Node = u32;
const NONE: Node = u32::MAX;

/// Which tree stands in which.
#[derive(Default)]
struct Forest {
    /// Where the edges of a tree stand.
    spans: Vec<(u32, u32)>,
    edges: Vec<Node>,
    /// Blobs that are asked for, by the tree that holds them.
    held: HashMap<Node, Vec<(ObjectId, Vec<u8>)>>,
    /// There were more edges than are kept: some paths stay unknown.
    is_full: bool,
}

/// Names trees by small numbers.
struct Nodes<'a> {
    packs: &'a [Pack],
    /// The first node of each pack, and of the loose trees.
    firsts: Vec<u32>,
    loose: HashMap<ObjectId, Node>,
}

/// In which tree each tree was met, and the ids of those that are loose.
struct Above {
    parents: Vec<Node>,
    loose: Vec<ObjectId>,
}

/// Where a blob was met first.
struct Place {
    blob: ObjectId,
    name: Vec<u8>,
    tree: Node,
    commit: usize,
}

impl History {
    /// Looks up the first commit that holds each of `blobs`, and the path it has there, on `threads` threads. A blob
    /// that no commit holds is not in the result.
    #[must_use]
    pub fn origins(
        &mut self,
        blobs: &HashSet<String>,
        threads: usize,
        tally: &Tally,
    ) -> HashMap<String, (Vec<u8>, Commit)> {
        let wanted: HashSet<ObjectId> =
            blobs.iter().filter_map(|hex| ObjectId::from_hex(hex.as_bytes()).ok()).collect();
        if wanted.is_empty() {
            return HashMap::new();
        }
        let (places, above) = self.places(&wanted, threads, tally);
        let mut folders = HashMap::new();
        let mut found = HashMap::new();
        for place in places {
            let Some(commit) = self.commits.get(place.commit).cloned() else { continue };
            let mut path = above.folder(&mut self.store, place.tree, &mut folders);
            path.extend_from_slice(&place.name);
            let author = author(&mut self.store, &commit.id);
            let origin = Commit { id: commit.id.to_hex().to_string(), author, time_unix_s: commit.time_unix_s };
            found.insert(place.blob.to_hex().to_string(), (path, origin));
        }
        found
    }

    /// Finds the first tree that holds each blob, and the tree that each tree was met in.
    fn places(&self, wanted: &HashSet<ObjectId>, threads: usize, tally: &Tally) -> (Vec<Place>, Above) {
        let loose: Vec<(ObjectId, Vec<u8>)> = self
            .store
            .loose_paths(tally)
            .into_iter()
            .filter_map(|(id, path)| match read_loose(&path)? {
                (Kind::Tree, data) => Some((id, data)),
                _ => None,
            })
            .collect();
        let nodes = Nodes::new(&self.store.packs, loose.iter().map(|(id, _)| *id));
        let mut forest = Forest { spans: vec![(0, 0); nodes.count()], ..Forest::default() };
        for (number, (pack, plan)) in self.store.packs.iter().zip(&self.plans).enumerate() {
            let first = nodes.firsts.get(number).copied().unwrap_or(0);
            let walk = Walk { plan, pack, queue: AtomicUsize::new(0), wanted: &[Kind::Tree], passed: &|_| false };
            let parts = Mutex::new(Vec::new());
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let mut part = Part::new(&nodes, wanted);
                        let mut change = Change::default();
                        walk.run(&mut |object| match object.content {
                            Content::Bytes(data) => {
                                let known = object.base.map_or_else(Vec::new, |base: Under<'_, Vec<Entry>>| {
                                    change.fill(base.copied, base.len, data.len());
                                    carried(base.learnt, &change)
                                });
                                Some(part.read(first + object.position, data, &known))
                            }
                            Content::Lost(reason) => {
                                tally.skip(object.id.to_hex().to_string().as_bytes(), reason);
                                None
                            }
                            Content::Passed => None,
                        });
                        if let Ok(mut parts) = parts.lock() {
                            parts.push(part.done());
                        }
                    });
                }
            });
            parts.into_inner().unwrap_or_default().into_iter().for_each(|part| forest.join(part));
        }
        let mut part = Part::new(&nodes, wanted);
        for (id, data) in &loose {
            if let Some(node) = nodes.find(id) {
                part.read(node, data, &[]);
            }
        }
        forest.join(part.done());
        if forest.is_full {
            tally.skip(b"trees", format!("more than {EDGES_MAX} folders in folders: some findings have no path"));
        }
        let (places, parents) = forest.walk(&nodes, &self.commits, wanted.len());
        (places, Above { parents, loose: loose.into_iter().map(|(id, _)| id).collect() })
    }
}

impl<'a> Nodes<'a> {
    fn new(packs: &'a [Pack], loose: impl Iterator<Item = ObjectId>) -> Self {
        let mut firsts = vec![0];
        let mut sum = 0u32;
        for pack in packs {
            sum += pack.index.num_objects();
            firsts.push(sum);
        }
        Self { packs, firsts, loose: loose.zip(sum..).collect() }
    }

    fn count(&self) -> usize {
        self.firsts.last().map_or(0, |last| *last as usize) + self.loose.len()
    }

    fn find(&self, id: &oid) -> Option<Node> {
        let packed = self
            .packs
            .iter()
            .zip(&self.firsts)
            .find_map(|(pack, first)| pack.index.lookup(id).map(|position| first + position));
        packed.or_else(|| self.loose.get(id).copied())
    }
}

/// A folder in a tree: where its entry stands, and its node.
#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    end: u32,
    node: Node,
}

impl Learnt for Vec<Entry> {
    fn bytes(&self) -> usize {
        self.len() * size_of::<Entry>()
    }
}

/// The entries of a base that stand whole in what was made from it.
fn carried(entries: &[Entry], change: &Change) -> Vec<Entry> {
    let mut out = Vec::with_capacity(entries.len());
    change.carry(
        entries,
        |entry| entry.start as usize,
        |entry, part| {
            if part.holds(&(entry.start as usize..entry.end as usize), 0, 0) {
                out.push(Entry { start: part.moved(entry.start as usize) as u32, ..*entry });
            }
        },
    );
    out
}

/// What one thread gathers.
struct Part<'a> {
    nodes: &'a Nodes<'a>,
    wanted: &'a HashSet<ObjectId>,
    /// The first two bytes of the ids that are wanted.
    filter: Box<[u64; 1024]>,
    spans: Vec<(Node, u32, u32)>,
    edges: Vec<Node>,
    held: Vec<(Node, ObjectId, Vec<u8>)>,
    /// There were more edges than are kept.
    is_full: bool,
}

/// What a thread gathered.
struct Gathered {
    spans: Vec<(Node, u32, u32)>,
    edges: Vec<Node>,
    held: Vec<(Node, ObjectId, Vec<u8>)>,
    is_full: bool,
}

impl<'a> Part<'a> {
    fn new(nodes: &'a Nodes<'a>, wanted: &'a HashSet<ObjectId>) -> Self {
        let mut filter = Box::new([0u64; 1024]);
        for id in wanted {
            let head = head(id);
            if let Some(word) = filter.get_mut(head >> 6) {
                *word |= 1 << (head & 63);
            }
        }
        Self { nodes, wanted, filter, spans: Vec::new(), edges: Vec::new(), held: Vec::new(), is_full: false }
    }

    /// Reads a tree (gitformat-pack: mode, blank, name, zero byte, twenty bytes of id); the nodes of some entries are
    /// known. Gives its folders.
    fn read(&mut self, node: Node, data: &[u8], known: &[Entry]) -> Vec<Entry> {
        let mut folders = Vec::with_capacity(known.len() + 1);
        let start = self.edges.len() as u32;
        let mut known = known.iter().peekable();
        let mut at = 0;
        while let Some(end) = data.get(at..).and_then(|rest| memchr::memchr(0, rest)) {
            let end = at + end;
            let (Some(head), Some(id)) = (data.get(at..end), data.get(end + 1..end + 21)) else { break };
            let Ok(id) = oid::try_from_bytes(id) else { break };
            if head.starts_with(b"4") {
                while known.next_if(|entry| (entry.start as usize) < at).is_some() {}
                let node = known.next_if(|entry| entry.start as usize == at).map(|entry| entry.node);
                if self.edges.len() >= EDGES_MAX {
                    self.is_full = true;
                } else if let Some(node) = node.or_else(|| self.nodes.find(id)) {
                    self.edges.push(node);
                    folders.push(Entry { start: at as u32, end: (end + 21) as u32, node });
                }
            } else if self.may_be_wanted(id) && self.wanted.contains(id) && !head.starts_with(b"16") {
                let name = head.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
                self.held.push((node, id.to_owned(), name.to_vec()));
            }
            at = end + 21;
        }
        self.spans.push((node, start, self.edges.len() as u32 - start));
        folders
    }

    fn may_be_wanted(&self, id: &oid) -> bool {
        let head = head(id);
        self.filter.get(head >> 6).is_some_and(|word| word >> (head & 63) & 1 == 1)
    }

    fn done(self) -> Gathered {
        Gathered { spans: self.spans, edges: self.edges, held: self.held, is_full: self.is_full }
    }
}

/// The first two bytes of an id, as a number.
fn head(id: &oid) -> usize {
    match id.as_bytes() {
        [a, b, ..] => usize::from(*a) << 8 | usize::from(*b),
        _ => 0,
    }
}

impl Forest {
    fn join(&mut self, part: Gathered) {
        self.is_full |= part.is_full;
        if self.edges.len() + part.edges.len() > EDGES_MAX {
            self.is_full = true;
            return;
        }
        let base = self.edges.len() as u32;
        self.edges.extend(part.edges);
        for (node, start, len) in part.spans {
            if let Some(span) = self.spans.get_mut(node as usize) {
                *span = (base + start, len);
            }
        }
        for (node, blob, name) in part.held {
            self.held.entry(node).or_default().push((blob, name));
        }
    }

    /// Walks the trees of the commits by time; each tree belongs to the first commit that reaches it.
    fn walk(&self, nodes: &Nodes<'_>, commits: &[Met], wanted: usize) -> (Vec<Place>, Vec<Node>) {
        let mut parents = vec![NONE; self.spans.len()];
        let mut seen = vec![false; self.spans.len()];
        let mut met = HashSet::new();
        let mut places = Vec::new();
        for (number, commit) in commits.iter().enumerate() {
            let Some(root) = nodes.find(&commit.tree) else { continue };
            let mut open = vec![(root, NONE)];
            while let Some((tree, parent)) = open.pop() {
                let Some(known) = seen.get_mut(tree as usize).filter(|known| !**known) else { continue };
                *known = true;
                if let Some(slot) = parents.get_mut(tree as usize) {
                    *slot = parent;
                }
                for (blob, name) in self.held.get(&tree).into_iter().flatten() {
                    if met.insert(*blob) {
                        places.push(Place { blob: *blob, name: name.clone(), tree, commit: number });
                    }
                }
                let (start, len) = self.spans.get(tree as usize).copied().unwrap_or_default();
                let inner = self.edges.get(start as usize..(start + len) as usize).unwrap_or_default();
                // The first of several equal entries is walked first.
                let fresh = |child: &&Node| seen.get(**child as usize).is_some_and(|seen| !*seen);
                open.extend(inner.iter().rev().filter(fresh).map(|child| (*child, tree)));
            }
            if met.len() == wanted {
                break;
            }
        }
        (places, parents)
    }
}

impl Above {
    /// The path of a tree, ending in `/` unless it is a root; the trees above it are decoded for their names.
    fn folder(&self, store: &mut Store, tree: Node, known: &mut HashMap<Node, Vec<u8>>) -> Vec<u8> {
        let mut chain = vec![tree];
        while let Some(&at) = chain.last()
            && !known.contains_key(&at)
            && chain.len() <= FOLDER_DEPTH_MAX
            && let Some(&parent) = self.parents.get(at as usize).filter(|parent| **parent != NONE)
        {
            chain.push(parent);
        }
        let top = chain.last().copied().unwrap_or(tree);
        let mut path = known.get(&top).cloned().unwrap_or_default();
        for (child, parent) in chain.iter().zip(chain.iter().skip(1)).rev() {
            let ids = self.id(store, *parent).zip(self.id(store, *child));
            path.extend(ids.and_then(|(parent, child)| entry_name(store, &parent, &child)).unwrap_or_default());
            path.push(b'/');
            known.insert(*child, path.clone());
        }
        path
    }

    fn id(&self, store: &Store, node: Node) -> Option<ObjectId> {
        let mut rest = node;
        for pack in &store.packs {
            match rest.checked_sub(pack.index.num_objects()) {
                Some(less) => rest = less,
                None => return Some(pack.index.oid_at_index(rest).to_owned()),
            }
        }
        self.loose.get(rest as usize).copied()
    }
}

fn entry_name(store: &mut Store, tree: &oid, child: &oid) -> Option<Vec<u8>> {
    let (_, data) = store.find(tree)?;
    let entry = gix_object::TreeRefIter::from_bytes(&data, HashKind::Sha1)
        .filter_map(Result::ok)
        .find(|entry| entry.oid == child)?;
    Some(entry.filename.to_vec())
}

fn author(store: &mut Store, id: &ObjectId) -> String {
    let Some((_, data)) = store.find(id) else { return String::new() };
    let author = gix_object::CommitRef::from_bytes(&data, HashKind::Sha1)
        .ok()
        .and_then(|commit| commit.author().ok().map(|author| format!("{} <{}>", author.name, author.email)));
    author.unwrap_or_default()
}
