//! A disk under SQLite that fails on command: full, read-only, dead at any step, with torn writes, with syncs that lie.
//!
//! It stands between SQLite and the real files of one folder (a VFS that hands everything on), counts every step that
//! changes something, and remembers what was written since each file's last sync. [`Disk::lose_power`] takes a part of
//! that back, in sectors, by a seed: what a machine may lose when it stops.

#![allow(unsafe_code, reason = "a VFS of SQLite is a table of C functions; this crate is for tests only")]
#![allow(clippy::missing_safety_doc, reason = "called by SQLite alone, with what its interface promises")]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

use crate::chance::Chance;

const SECTOR: usize = 512;

/// What goes wrong, and when. Steps are writes, truncations, syncs and deletions, counted from [`Disk::plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Sound,
    /// From this step on nothing changes any more: the machine is dead.
    DeadAt(u64),
    /// As `DeadAt`, and the write at that step is cut after a part of its bytes.
    TornAt(u64),
    /// No write finds room, from this step on.
    FullAt(u64),
    /// No write is allowed, from this step on.
    ReadOnlyAt(u64),
    /// Syncs say that all is well, and do nothing.
    LyingSync,
}

struct Undo {
    path: PathBuf,
    offset: u64,
    /// What stood there; shorter than what was written where the file ended.
    old: Vec<u8>,
    /// Bytes that were written over it.
    written: usize,
    /// Length of the file before.
    length: u64,
}

struct State {
    plan: Plan,
    steps: u64,
    undo: Vec<Undo>,
}

/// The disk under one folder.
pub struct Disk {
    folder: PathBuf,
    state: Arc<Mutex<State>>,
}

static DISKS: LazyLock<Mutex<HashMap<PathBuf, Arc<Mutex<State>>>>> = LazyLock::new(Mutex::default);
static REGISTER: Once = Once::new();

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Puts a disk under `folder`. From now on SQLite files there are counted; those elsewhere are not touched.
    #[must_use]
    pub fn under(folder: &Path) -> Self {
        REGISTER.call_once(register);
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let state = Arc::new(Mutex::new(State { plan: Plan::Sound, steps: 0, undo: Vec::new() }));
        locked(&DISKS).insert(folder.clone(), Arc::clone(&state));
        Self { folder, state }
    }

    /// Sets what goes wrong, and counts steps from 0 again.
    pub fn plan(&self, plan: Plan) {
        let mut state = locked(&self.state);
        state.plan = plan;
        state.steps = 0;
    }

    /// Returns the steps since the plan was set.
    #[must_use]
    pub fn steps(&self) -> u64 {
        locked(&self.state).steps
    }

    /// Takes back a part, by `seed`, of what was written and not synced, and makes the disk sound again. Nothing may have
    /// its files open.
    ///
    /// # Errors
    ///
    /// When a file cannot be changed.
    pub fn lose_power(&self, seed: u64) -> std::io::Result<()> {
        let mut chance = Chance::new(seed);
        let mut state = locked(&self.state);
        for undo in std::mem::take(&mut state.undo).into_iter().rev() {
            if !undo.path.exists() || chance.below(2) == 0 {
                continue;
            }
            let file = std::fs::OpenOptions::new().write(true).open(&undo.path)?;
            for (place, sector) in undo.old.chunks(SECTOR).enumerate() {
                if chance.below(4) > 0 {
                    file.write_all_at(sector, undo.offset + (place * SECTOR) as u64)?;
                }
            }
            if undo.written > undo.old.len() && file.metadata()?.len() > undo.length && chance.below(2) == 0 {
                file.set_len(undo.length)?;
            }
        }
        *state = State { plan: Plan::Sound, steps: 0, undo: Vec::new() };
        // The index of the write-ahead log is memory: a machine that starts again has none.
        remove_shared_memory(&self.folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        locked(&DISKS).remove(&self.folder);
    }
}

fn remove_shared_memory(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_shared_memory(&path)?;
        } else if path.to_string_lossy().ends_with("-shm") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// What the disk does with one step.
enum Step {
    Do,
    DoNothing,
    Part(usize),
    Refuse(c_int),
}

impl State {
    fn step(&mut self, kind: Kind) -> Step {
        let step = self.steps;
        self.steps += 1;
        match (self.plan, kind) {
            (Plan::TornAt(at), Kind::Write(length)) if step == at => Step::Part(length * (step as usize % 7 + 1) / 9),
            (Plan::DeadAt(at) | Plan::TornAt(at), _) if step >= at => Step::Refuse(ffi::SQLITE_IOERR),
            (Plan::FullAt(at), Kind::Write(_)) if step >= at => Step::Refuse(ffi::SQLITE_FULL),
            (Plan::ReadOnlyAt(at), Kind::Write(_) | Kind::Truncate) if step >= at => Step::Refuse(ffi::SQLITE_READONLY),
            (Plan::LyingSync, Kind::Sync) => Step::DoNothing,
            _ => Step::Do,
        }
    }

    fn remember(&mut self, path: &Path, offset: u64, written: usize) {
        let Ok(file) = std::fs::File::open(path) else { return };
        let length = file.metadata().map_or(0, |meta| meta.len());
        let stands = length.saturating_sub(offset).min(written as u64) as usize;
        let mut old = vec![0; stands];
        if file.read_exact_at(&mut old, offset).is_ok() {
            self.undo.push(Undo { path: path.to_owned(), offset, old, written, length });
        }
    }

    fn synced(&mut self, path: &Path) {
        self.undo.retain(|undo| undo.path != path);
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Write(usize),
    Truncate,
    Sync,
    Delete,
}

/// A file as SQLite sees it; the real one lies behind it in the same allocation.
#[repr(C)]
struct ShimFile {
    base: ffi::sqlite3_file,
    watched: *mut Watched,
}

struct Watched {
    path: PathBuf,
    state: Option<Arc<Mutex<State>>>,
}

struct Tables {
    real: *mut ffi::sqlite3_vfs,
    methods: ffi::sqlite3_io_methods,
}

// The pointers are to tables that are never changed and never freed.
unsafe impl Send for Tables {}
unsafe impl Sync for Tables {}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    // SAFETY: SQLite initialises itself, and its default VFS is never unregistered.
    let real = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
    let methods = ffi::sqlite3_io_methods {
        iVersion: 2,
        xClose: Some(close),
        xRead: Some(read),
        xWrite: Some(write),
        xTruncate: Some(truncate),
        xSync: Some(sync),
        xFileSize: Some(file_size),
        xLock: Some(lock),
        xUnlock: Some(unlock),
        xCheckReservedLock: Some(check_reserved_lock),
        xFileControl: Some(file_control),
        xSectorSize: Some(sector_size),
        xDeviceCharacteristics: Some(device_characteristics),
        xShmMap: Some(shm_map),
        xShmLock: Some(shm_lock),
        xShmBarrier: Some(shm_barrier),
        xShmUnmap: Some(shm_unmap),
        xFetch: None,
        xUnfetch: None,
    };
    Tables { real, methods }
});

/// Makes the shim the default VFS of this process.
fn register() {
    let real = TABLES.real;
    // SAFETY: `real` is a registered VFS; the copy lives for ever, and differs from it in the functions below only.
    unsafe {
        let mut shim = *real;
        shim.iVersion = 1;
        shim.szOsFile = (size_of::<ShimFile>() as c_int) + (*real).szOsFile;
        shim.zName = c"cordon-testkit".as_ptr();
        shim.pNext = std::ptr::null_mut();
        shim.xOpen = Some(open);
        shim.xDelete = Some(delete);
        shim.xAccess = Some(access);
        shim.xFullPathname = Some(full_pathname);
        shim.xDlOpen = None;
        shim.xDlError = None;
        shim.xDlSym = None;
        shim.xDlClose = None;
        shim.xRandomness = Some(randomness);
        shim.xSleep = Some(sleep);
        shim.xCurrentTime = Some(current_time);
        shim.xGetLastError = None;
        ffi::sqlite3_vfs_register(Box::leak(Box::new(shim)), 1);
    }
}

unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<u8>().add(size_of::<ShimFile>()).cast() }
}

unsafe fn watched<'a>(file: *mut ffi::sqlite3_file) -> &'a Watched {
    unsafe { &*(*file.cast::<ShimFile>()).watched }
}

macro_rules! hand_on {
    ($file:ident . $method:ident ( $($argument:expr),* )) => {{
        let real = real($file);
        match (*(*real).pMethods).$method {
            Some(method) => method(real, $($argument),*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

fn state_of(path: &Path) -> Option<Arc<Mutex<State>>> {
    let disks = locked(&DISKS);
    path.ancestors().find_map(|folder| disks.get(folder).cloned())
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let vfs = TABLES.real;
        (*file).pMethods = std::ptr::null();
        let Some(open) = (*vfs).xOpen else { return ffi::SQLITE_CANTOPEN };
        let outcome = open(vfs, name, real(file), flags, out);
        if outcome != ffi::SQLITE_OK {
            return outcome;
        }
        let path =
            if name.is_null() { PathBuf::new() } else { PathBuf::from(&*CStr::from_ptr(name).to_string_lossy()) };
        let state = state_of(&path);
        (*file.cast::<ShimFile>()).watched = Box::into_raw(Box::new(Watched { path, state }));
        (*file).pMethods = &raw const TABLES.methods;
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        drop(Box::from_raw((*file.cast::<ShimFile>()).watched));
        hand_on!(file.xClose())
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    bytes: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    unsafe { hand_on!(file.xRead(to, bytes, at)) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    unsafe {
        let watched = watched(file);
        let Some(state) = &watched.state else { return hand_on!(file.xWrite(from, bytes, at)) };
        let mut state = locked(state);
        match state.step(Kind::Write(bytes as usize)) {
            Step::Do | Step::DoNothing => {
                state.remember(&watched.path, at as u64, bytes as usize);
                hand_on!(file.xWrite(from, bytes, at))
            }
            Step::Part(part) => {
                state.remember(&watched.path, at as u64, part);
                hand_on!(file.xWrite(from, part as c_int, at));
                ffi::SQLITE_IOERR
            }
            Step::Refuse(code) => code,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    unsafe {
        if let Some(state) = &watched(file).state
            && let Step::Refuse(code) = locked(state).step(Kind::Truncate)
        {
            return code;
        }
        hand_on!(file.xTruncate(size))
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    unsafe {
        let watched = watched(file);
        if let Some(state) = &watched.state {
            let mut state = locked(state);
            match state.step(Kind::Sync) {
                Step::Do | Step::Part(_) => state.synced(&watched.path),
                Step::DoNothing => {}
                Step::Refuse(code) => return code,
            }
            // Nothing is kept from a real disk here: what may be lost is what the shim remembers.
            return ffi::SQLITE_OK;
        }
        hand_on!(file.xSync(flags))
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    unsafe {
        let path = PathBuf::from(&*CStr::from_ptr(name).to_string_lossy());
        if let Some(state) = state_of(&path) {
            let mut state = locked(&state);
            if let Step::Refuse(code) = state.step(Kind::Delete) {
                return code;
            }
            state.synced(&path);
        }
        let vfs = TABLES.real;
        (*vfs).xDelete.map_or(ffi::SQLITE_IOERR, |delete| delete(vfs, name, sync_folder))
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    unsafe { hand_on!(file.xFileSize(size)) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { hand_on!(file.xLock(level)) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { hand_on!(file.xUnlock(level)) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    unsafe { hand_on!(file.xCheckReservedLock(out)) }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    unsafe { hand_on!(file.xFileControl(what, argument)) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe { hand_on!(file.xSectorSize()) }
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    // A disk that promises nothing: no atomic writes, no order, no safe append.
    0
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    unsafe { hand_on!(file.xShmMap(page, bytes, extend, out)) }
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    unsafe { hand_on!(file.xShmLock(offset, count, flags)) }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    unsafe {
        let real = real(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    unsafe { hand_on!(file.xShmUnmap(delete)) }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    unsafe {
        let vfs = TABLES.real;
        (*vfs).xAccess.map_or(ffi::SQLITE_IOERR, |access| access(vfs, name, flags, out))
    }
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    bytes: c_int,
    out: *mut c_char,
) -> c_int {
    unsafe {
        let vfs = TABLES.real;
        (*vfs).xFullPathname.map_or(ffi::SQLITE_IOERR, |full| full(vfs, name, bytes, out))
    }
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, bytes: c_int, out: *mut c_char) -> c_int {
    unsafe {
        let vfs = TABLES.real;
        (*vfs).xRandomness.map_or(0, |randomness| randomness(vfs, bytes, out))
    }
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    unsafe {
        let vfs = TABLES.real;
        (*vfs).xSleep.map_or(0, |sleep| sleep(vfs, microseconds))
    }
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    unsafe {
        let vfs = TABLES.real;
        (*vfs).xCurrentTime.map_or(ffi::SQLITE_IOERR, |time| time(vfs, out))
    }
}
