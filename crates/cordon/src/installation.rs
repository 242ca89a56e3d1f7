//! Opening an installation from the command line: where it lies, who holds its root key, who acts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use cordon_domain::{
    Action, Actor, AskId, Asked, AskedHash, Clock as _, Personal, PrincipalId, PrincipalKind, Record, Step, Steps,
    Target,
};
use cordon_gate::act::{Ask, Changes, Query};
use cordon_gate::{Denial, Facts, Gate, JournalError, Request};
use cordon_keys::local::{Cost, HeldKey, Passphrase};
use cordon_keys::recovery::{Share, join};
use cordon_keys::{ProviderError, RootProvider};
use cordon_policy::{LocalOperator, Policies, Snapshot};
use cordon_store::care::CareError;
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::limits::ASK_MS_MAX;
use cordon_store::pkcs11::{Token, TokenPlace};
use cordon_store::providers::{Apart, key_file};
use cordon_store::{Address, Change, Follower, Installation, NewName, Places, StoreError, Writer};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::error::{Failure, read_named_text};
use crate::keys::{config_folder, user_folder};

/// Where an installation lies.
#[derive(Args)]
pub(crate) struct Where {
    /// The data folder [default: $XDG_DATA_HOME/cordon, else ~/.local/share/cordon].
    #[arg(long, value_name = "FOLDER", env = "CORDON_DATA")]
    data: Option<PathBuf>,
    /// The folder of wrapped keys, apart from the data [default: beside --data, the same name and `-keys`; else keys in the
    /// configuration folder].
    #[arg(long, value_name = "FOLDER", env = "CORDON_KEYS")]
    keys: Option<PathBuf>,
    /// A database of PostgreSQL instead of a file in the data folder: postgres:///cordon?host=/run/postgresql. Where it
    /// holds a password, give it in the environment.
    #[arg(long, value_name = "URL", env = "CORDON_DATABASE", hide_env_values = true)]
    database: Option<String>,
}

/// Who holds the root key.
#[derive(Args)]
pub(crate) struct Holder {
    /// A key file, apart from the data [default: root.key in the configuration folder].
    #[arg(long, value_name = "FILE", env = "CORDON_ROOT_KEY")]
    pub(crate) root_key: Option<PathBuf>,
    /// A file that holds a passphrase (argon2id).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["share", "token"])]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file that holds shares of the recovery kit, one a paragraph; may be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub(crate) share: Vec<PathBuf>,
    /// The label of a PKCS#11 token.
    #[arg(long, value_name = "LABEL")]
    pub(crate) token: Option<String>,
    /// The PKCS#11 module of the token's maker.
    #[arg(long, value_name = "FILE", env = "CORDON_PKCS11_MODULE")]
    pub(crate) pkcs11_module: Option<PathBuf>,
    /// A file that holds the token's PIN.
    #[arg(long, value_name = "FILE")]
    pub(crate) pin_file: Option<PathBuf>,
}

/// An installation, and who opens it: what most commands take.
#[derive(Args)]
pub(crate) struct At {
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) holder: Holder,
}

impl At {
    /// Opens it, for the person at the machine.
    pub(crate) fn open(&self) -> Result<Operated, Failure> {
        Operated::open(&self.place, &self.holder)
    }
}

impl Where {
    /// Returns the folders.
    pub(crate) fn places(&self) -> Result<Places, Failure> {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => data_folder()?,
        };
        let keys = match (&self.keys, &self.data) {
            (Some(keys), _) => keys.clone(),
            (None, Some(data)) => beside(data)?,
            (None, None) => config_folder()?.join("keys"),
        };
        let server = self.database.as_deref().map(Address::parse).transpose().map_err(failure)?;
        Ok(Places { data, keys, server })
    }
}

/// The folder beside another that has its name and `-keys`.
fn beside(data: &Path) -> Result<PathBuf, Failure> {
    let whole = std::path::absolute(data).ok();
    let named = whole.as_deref().and_then(|whole| Some((whole.parent()?, whole.file_name()?.to_owned())));
    let (folder, mut name) = named.ok_or_else(|| {
        Failure::usage(format!("no folder is beside `{}`", data.display()), "say where the keys lie with --keys")
    })?;
    name.push("-keys");
    Ok(folder.join(name))
}

fn data_folder() -> Result<PathBuf, Failure> {
    user_folder("XDG_DATA_HOME", ".local/share")
        .ok_or_else(|| Failure::usage("no data folder is known", "set HOME or XDG_DATA_HOME, or give --data"))
}

impl Holder {
    /// Returns the path of the key file.
    pub(crate) fn key_file(&self) -> Result<PathBuf, Failure> {
        match &self.root_key {
            Some(path) => Ok(path.clone()),
            None => Ok(config_folder()?.join("root.key")),
        }
    }

    /// Returns the provider.
    pub(crate) fn provider(&self, places: &Places) -> Result<Arc<dyn RootProvider>, Failure> {
        if let Some(path) = &self.passphrase_file {
            let phrase = Zeroizing::new(read_named_text(path)?);
            let phrase = Zeroizing::new(phrase.trim_end_matches(['\r', '\n']).to_owned());
            if phrase.chars().count() < 12 {
                return Err(Failure::usage("the passphrase is shorter than 12 characters", "choose a longer one"));
            }
            return Ok(Arc::new(Passphrase::new(phrase, Cost::DEFAULT, SystemEntropy)));
        }
        if !self.share.is_empty() {
            return Ok(Arc::new(HeldKey::new("shares", &self.joined()?, SystemEntropy)));
        }
        if let Some(token) = &self.token {
            let (Some(module), Some(pin)) = (&self.pkcs11_module, &self.pin_file) else {
                return Err(Failure::usage(
                    "a token is reached through its maker's module, with a PIN",
                    "give --pkcs11-module and --pin-file, too",
                ));
            };
            let pin = Zeroizing::new(read_named_text(pin)?);
            let pin = Zeroizing::new(pin.trim_end_matches(['\r', '\n']).to_owned());
            let (module, token, key) = (module.clone(), token.clone(), "cordon-root".to_owned());
            return Ok(Arc::new(Token::new(TokenPlace { module, token, key, pin })));
        }
        let path = self.key_file()?;
        let (held, _) = key_file(&path, &places.data).map_err(failure)?;
        Ok(Arc::new(held))
    }

    /// Tells whether a key file holds the root.
    pub(crate) const fn is_key_file(&self) -> bool {
        self.passphrase_file.is_none() && self.share.is_empty() && self.token.is_none()
    }

    /// Says when the key file is near the data.
    pub(crate) fn warn_if_near(&self, operated: &Operated) -> Result<(), Failure> {
        if self.is_key_file() {
            let path = self.key_file()?;
            let (_, apart) = key_file(&path, &operated.installation.places().data).map_err(failure)?;
            warn_if_near(apart, &path);
        }
        Ok(())
    }

    fn joined(&self) -> Result<cordon_keys::Secret, Failure> {
        let mut shares = Vec::new();
        for path in &self.share {
            let text = Zeroizing::new(read_named_text(path)?);
            for paragraph in text.split("\n\n").map(str::trim).filter(|text| text.starts_with("cordon-share-")) {
                shares.push(Share::read(paragraph).map_err(|error| {
                    Failure::usage(format!("`{}`: {error}", path.display()), "copy the share again, letter by letter")
                })?);
            }
        }
        join(&shares).map_err(|error| Failure::usage(error.to_string(), "give as many shares of one kit as it needs"))
    }
}

/// The consent of others, where something takes two people.
#[derive(Args)]
pub(crate) struct Consent {
    /// Ask others to approve it, instead of doing it. Prints the name of what was asked.
    #[arg(long, conflicts_with = "approval", requires = "reason")]
    pub(crate) ask: bool,
    /// What others approved: it is done exactly as it was asked, for the same reason.
    #[arg(long, value_name = "ASK", requires = "reason")]
    pub(crate) approval: Option<AskId>,
}

/// Says what was asked, and what comes next.
pub(crate) fn say_asked(id: AskId) {
    println!("{id}");
    eprintln!("hint: an approver runs `cordon approve {id}`, or opens /approvals; then give --approval {id}");
}

/// Says that the key file is near the data.
pub(crate) fn warn_if_near(apart: Apart, path: &Path) {
    if apart == Apart::SameFileSystem {
        eprintln!(
            "warning: the key file `{}` is on the same file system as the data: whoever takes the disk takes both",
            path.display()
        );
    }
}

/// An installation opened by the person at the machine.
pub(crate) struct Operated {
    pub(crate) installation: Installation,
    pub(crate) gate: Gate<Arc<Policies>, Writer>,
    pub(crate) follower: Follower,
    pub(crate) actor: Actor,
    pub(crate) personal: Personal,
    runtime: Runtime,
}

/// Waits, on this thread, for what waits.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::internal(error.to_string()))
}

impl Operated {
    /// Opens an installation, with its root key, for the person at the machine.
    pub(crate) fn open(place: &Where, holder: &Holder) -> Result<Self, Failure> {
        let places = place.places()?;
        let runtime = runtime()?;
        if !runtime.block_on(places.holds_installation()).map_err(failure)? {
            return Err(Failure::usage(
                format!("no installation is in `{}`", places.data.display()),
                "make one with `cordon db create`, or give --data, and --database when it is on a server",
            ));
        }
        let provider = holder.provider(&places)?;
        harden();
        let opened = Installation::open(places, &provider, Arc::new(SystemClock));
        let installation = runtime.block_on(opened).map_err(failure)?;
        lock_memory(&installation);
        Self::of(installation, runtime)
    }

    /// Acts on an installation as the person at the machine.
    pub(crate) fn of(installation: Installation, runtime: Runtime) -> Result<Self, Failure> {
        let user = rustix::process::getuid().as_raw();
        let principal: PrincipalId = installation.operator(user);
        let actor = Actor { kind: PrincipalKind::Person, ..Actor::service(principal) };
        let name = std::env::var("USER").ok().or_else(|| Some(format!("user {user}")));
        let itself = Actor::service(installation.itself());
        let (reader, keys) = (installation.reader().clone(), Arc::clone(installation.keys()));
        let begun = Follower::begin(reader, keys, Some(LocalOperator { principal }.into()));
        let follower = runtime.block_on(begun).map_err(failure)?;
        installation.writer().follow(follower.clone());
        if let Ok(snapshot) = follower.policies().snapshot() {
            let now = SystemClock.now();
            snapshot.roster().emergencies.values().for_each(|one| eprintln!("ALERT: {}", one.alert(now)));
        }
        let gate = Gate::new(Arc::clone(follower.policies()), installation.writer().clone(), itself);
        let personal = Personal { name, ..Personal::default() };
        Ok(Self { installation, gate, follower, actor, personal, runtime })
    }

    /// Runs something that waits, and publishes what it recorded.
    pub(crate) fn run<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.runtime.block_on(async {
            let outcome = work.await;
            let published = match self.publish().await {
                // The server ended the session: once more, in a new one.
                Err(StoreError::Server(_)) => self.publish().await,
                published => published,
            };
            match published {
                // Another node publishes, and what was recorded here with the rest.
                Ok(()) | Err(StoreError::Locked(_)) => outcome,
                Err(error) => Err(failure(error)),
            }
        })
    }

    async fn publish(&self) -> Result<(), StoreError> {
        let _alone = self.installation.publishes()?;
        let mut sequencer = self.installation.sequencer().await?;
        while sequencer.publish().await?.is_some() {}
        Ok(())
    }

    /// Makes a change of records that takes two people, or asks for it. Returns what was asked.
    pub(crate) async fn change_or_ask<A: Changes>(
        &self,
        target: Target,
        steps: Vec<Step>,
        reason: Option<&str>,
        consent: &Consent,
    ) -> Result<Option<AskId>, Failure> {
        let target = Target { record: steps.first().map(Step::key), ..target };
        let change = Change::records(A::ACTION, Steps(steps));
        if consent.ask {
            let reason = reason.unwrap_or_default();
            return self.ask_others((A::ACTION, target), change.beside(), reason).await.map(Some);
        }
        let facts = Facts { target, beside: change.beside(), ..self.facts(reason.map(str::to_owned)) };
        let facts = Facts { approval: consent.approval, ..facts };
        self.gate.change(Request::<A>::new(facts), change).await.map(|_| None).map_err(denied)
    }

    /// Asks others to approve something.
    pub(crate) async fn ask_others(
        &self,
        (action, about): (Action, Target),
        change: Vec<u8>,
        reason: &str,
    ) -> Result<AskId, Failure> {
        let (id, at, by) = (AskId::draw(&mut SystemEntropy), SystemClock.now(), self.actor.principal);
        let hash = AskedHash::of(action, &about, &change, reason);
        let Target { bucket, version, label, .. } = about.clone();
        let asked = Asked {
            id,
            action,
            target: about,
            hash,
            by,
            owner: by,
            reason: reason.to_owned(),
            at,
            ends: at.plus_ms(ASK_MS_MAX),
            approvals: Vec::new(),
            change,
        };
        let target = Target { bucket, version, label, principal: Some(by), record: None };
        let steps = vec![Step::Put(Record::Ask(Box::new(asked)))];
        self.change::<Ask>(target, steps, Vec::new(), Some(reason)).await?;
        Ok(id)
    }

    /// Makes a change of records about something, for a reason.
    pub(crate) async fn change<A: Changes>(
        &self,
        target: Target,
        steps: Vec<Step>,
        names: Vec<NewName>,
        reason: Option<&str>,
    ) -> Result<(), Failure> {
        let change = Change::Records { action: A::ACTION, steps: Steps(steps), names, from: Vec::new() };
        self.make::<A>(target, change, reason).await
    }

    /// Makes a record another one, which was planned from what it was.
    pub(crate) async fn replace<A: Changes>(
        &self,
        target: Target,
        (old, new): (Record, Record),
        reason: &str,
    ) -> Result<(), Failure> {
        let (steps, names) = (Steps(vec![Step::Put(new)]), Vec::new());
        let change = Change::Records { action: A::ACTION, steps, names, from: vec![old] };
        self.make::<A>(target, change, Some(reason)).await
    }

    async fn make<A: Changes>(&self, target: Target, change: Change, reason: Option<&str>) -> Result<(), Failure> {
        let record = if let Change::Records { steps, .. } = &change { steps.0.first().map(Step::key) } else { None };
        let target = Target { record, ..target };
        let facts = Facts { target, beside: change.beside(), ..self.facts(reason.map(str::to_owned)) };
        self.gate.change(Request::<A>::new(facts), change).await.map(drop).map_err(denied)
    }

    /// Asks to know who may do what: the question is decided, and is itself an event.
    pub(crate) async fn ask(&self, what: &str) -> Result<Arc<Snapshot>, Failure> {
        let request = Request::<Query>::new(self.facts(Some(what.to_owned())));
        let receipt = self.gate.read(request).await.map_err(denied)?;
        drop(receipt.spend());
        let snapshot = self.snapshot()?;
        for key in snapshot.locked() {
            eprintln!("warning: the row of {key} was changed beside Cordon: it is locked, and left out here");
        }
        Ok(snapshot)
    }

    /// What decisions rest on now.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Failure> {
        self.follower.policies().snapshot().map_err(|reason| {
            Failure::integrity(reason, "keep a copy of the database, and restore a backup with `cordon db restore`")
        })
    }

    /// Waits for something that records nothing.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.runtime.block_on(work)
    }

    /// The facts of a request that the person at the machine makes now.
    pub(crate) fn facts(&self, reason: Option<String>) -> Facts {
        let request = cordon_domain::RequestId::draw(&mut SystemEntropy);
        let action = Action::KeyUnlock;
        Facts {
            personal: self.personal.clone(),
            reason,
            client: Some(concat!("cordon/", env!("CARGO_PKG_VERSION")).to_owned()),
            ..Facts::new(request, SystemClock.now(), action, self.actor.clone())
        }
    }
}

/// No core dump, and no debugger of the same user, sees this process, nor a core dump what it starts; what it writes is for its user
/// alone.
pub(crate) fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let bound = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = bound.and(hidden) {
        eprintln!("warning: core dumps of this process cannot be forbidden: {error}");
    }
}

/// Keeps the pages of open keys from being swapped, and says so where the machine does not allow it.
pub(crate) fn lock_memory(installation: &Installation) {
    if !locks_memory(installation) {
        eprintln!("warning: keys cannot be kept from being swapped (see `ulimit -l`)");
    }
}

/// Keeps the pages of open keys from being swapped, if the machine allows it.
pub(crate) fn locks_memory(installation: &Installation) -> bool {
    // A guard unlocks when it is dropped; these keys are open until the process ends.
    let locked = installation.keys().with(|unlocked| {
        Ok(unlocked.memory().all(|(address, bytes)| region::lock(address, bytes).map(std::mem::forget).is_ok()))
    });
    locked.unwrap_or(false)
}

/// Says what went wrong with stored state, and what to do.
pub(crate) fn failure(error: StoreError) -> Failure {
    let what = error.to_string();
    match error {
        StoreError::Integrity(_) | StoreError::Publish(_) => Failure::integrity(
            what,
            "nothing was signed over it; keep a copy of the folder, then see docs/ledger.md, \"When something is wrong\"",
        ),
        error if error.is_integrity() => Failure::integrity(
            what,
            "the file is damaged; keep a copy of it, and restore a backup with `cordon db restore`",
        ),
        StoreError::Locked(_) => Failure::usage(what, "stop the other process, or ask it"),
        StoreError::Server(_) => {
            Failure::usage(what, "see that the server runs, and that --database names it, then try again")
        }
        StoreError::Newer { .. } => Failure::usage(what, "use a newer cordon"),
        StoreError::Provider(ProviderError::Unavailable { .. }) => {
            Failure::usage(what, "see that the provider runs and can be reached, then try again")
        }
        StoreError::Provider(_) => Failure::usage(what, "give the key file, passphrase or shares of this installation"),
        StoreError::Place(_) => Failure::usage(what, "give other folders or files; see `--help`"),
        StoreError::Unknown(_) => Failure::usage(what, "ask about a later moment"),
        StoreError::Conflict(_) => Failure::usage(what, "look at the present state and ask again"),
        _ => Failure::internal(what),
    }
}

/// Says why the gate gave no receipt.
pub(crate) fn denied(denial: Denial) -> Failure {
    let what = denial.to_string();
    match denial {
        Denial::Refused(refusal) => {
            let ask = refusal.ask.unwrap_or_else(|| "the security team".to_owned());
            let how = if ask == "an approver" { ": give --ask and a reason, then --approval" } else { "" };
            Failure::denied(what, format!("ask {ask}{how}"))
        }
        Denial::NotRecorded(JournalError::Integrity(_)) => Failure::integrity(what, "keep a copy of the data folder"),
        Denial::NotRecorded(JournalError::Conflict(_)) => {
            Failure::usage(what, "look at the present state and ask again")
        }
        Denial::NotRecorded(_) | Denial::OtherChange => Failure::internal(what),
    }
}

/// Says why keys were not cared for.
pub(crate) fn careless(error: CareError) -> Failure {
    match error {
        CareError::Denied(denial) => denied(denial),
        CareError::Store(error) => failure(error),
    }
}
