//! A running node: an open installation, who decides, who knows people, and the settings.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cordon_domain::{Action, Actor, BucketId, Clock, Credential, EmergencyId, Network};
use cordon_gate::{Epoch, Gate, Journal as _};
use cordon_identity::{Identity, IdentityError, Provider, ProviderSettings, PublicUrl};
use cordon_policy::{Itself, Policies, Unlisted};
use cordon_store::{Follower, Installation, StoreError, Writer};
use cordon_vault::Vault;
use tokio::sync::Semaphore;

use crate::flights::Flights;
use crate::inspectors::Inspectors;
use crate::limits::CONFIRMED_MS;
use crate::metrics::Counts;
use crate::peers::{PeerAddress, PeerKey};
use crate::published::Manifest;
use crate::purge::PurgeHook;
use crate::strangers::Strangers;
use crate::tls::Tls;

/// How a node is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people reach it.
    pub public_url: PublicUrl,
    /// Where it listens.
    pub listens: SocketAddr,
    /// Networks of proxies before it, whose word on addresses counts.
    pub proxies: Vec<Network>,
    /// Where clients of S3 reach it.
    pub objects_url: String,
    /// The program that is started to look into what is written; nothing is looked into without one.
    pub inspector: Option<PathBuf>,
    /// Who is told when something is public no more, to remove copies.
    pub purge: Option<PurgeHook>,
    /// What every page of it says at its top.
    pub banner: Option<String>,
    /// How the way to it is encrypted, where no proxy does it.
    pub tls: Option<Tls>,
}

impl Settings {
    /// Returns where other nodes ask this one.
    pub(crate) fn address(&self) -> String {
        let name = self.tls.as_ref().map(|tls| tls.name().to_owned());
        PeerAddress { listens: self.listens, name }.to_string()
    }
}

/// A running node.
pub struct Node {
    pub(crate) installation: Installation,
    pub(crate) follower: Follower,
    pub(crate) identity: Identity,
    pub(crate) vault: Vault,
    pub(crate) settings: Settings,
    pub(crate) flights: Flights,
    pub(crate) strangers: Strangers,
    pub(crate) manifest: Manifest,
    pub(crate) counts: Counts,
    pub(crate) peer_key: PeerKey,
    /// Who is handed what is known: one at a time.
    pub(crate) handing: Semaphore,
    confirmed: Mutex<Instant>,
    /// Emergencies that were told of.
    told: Mutex<BTreeSet<EmergencyId>>,
}

impl Node {
    /// Begins on an installation that is open. Nobody at the machine acts through it. `provider` is the
    /// organisation's identity provider, if it has one.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] when passkeys cannot be bound to the public address, or what is stored cannot be read.
    pub async fn begin(
        installation: Installation,
        settings: Settings,
        provider: Option<ProviderSettings>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityError> {
        let (reader, keys) = (installation.reader().clone(), Arc::clone(installation.keys()));
        let provider = provider.map(|provider| Provider::new(provider, &settings.public_url, installation.itself()));
        let provider = provider.transpose()?;
        let roles = provider.as_ref().map(Provider::group_roles).unwrap_or_default();
        let own = Unlisted::Itself(Itself { principal: installation.itself(), roles });
        let follower = Follower::begin(reader.clone(), Arc::clone(&keys), Some(own)).await?;
        installation.writer().follow(follower.clone());
        let itself = Actor::service(installation.itself());
        let policies: Arc<Policies> = Arc::clone(follower.policies());
        let gate: Arc<Gate<Arc<Policies>, Writer>> =
            Arc::new(Gate::new(policies, installation.writer().clone(), itself.clone()));
        let peer_key = PeerKey::new(&keys)?;
        let vault = Vault::new(
            Arc::clone(&gate),
            reader.clone(),
            Arc::clone(&keys),
            installation.objects()?,
            Arc::clone(&clock),
        );
        let vault = match &settings.inspector {
            Some(program) => vault.inspecting(Arc::new(Inspectors::new(program)), itself),
            None => vault,
        };
        let identity = Identity::new(gate, reader, keys, clock, &settings.public_url, provider)?;
        let (flights, confirmed) = (Flights::default(), Mutex::new(Instant::now()));
        Ok(Self {
            installation,
            follower,
            identity,
            vault,
            settings,
            flights,
            strangers: Strangers::default(),
            manifest: Manifest::default(),
            counts: Counts::default(),
            peer_key,
            handing: Semaphore::new(1),
            confirmed,
            told: Mutex::default(),
        })
    }

    /// Returns who knows people.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns where clients of S3 reach it.
    #[must_use]
    pub fn objects_url(&self) -> &str {
        &self.settings.objects_url
    }

    /// Returns the installation.
    #[must_use]
    pub const fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Returns what a bucket is called; one that was removed has no name any more.
    pub(crate) fn bucket_name(&self, bucket: BucketId) -> Result<String, IdentityError> {
        let snapshot = self.identity.snapshot()?;
        let named = snapshot.roster().buckets.get(bucket);
        Ok(named.map_or_else(|| bucket.to_string(), |bucket| bucket.name.to_string()))
    }

    /// Where a request comes from: the connection, or what proxies that are set say.
    pub(crate) fn address(&self, peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
        seen(&self.settings.proxies, peer, forwarded)
    }

    /// Tells whether somebody may connect at an address: where it is reached from other machines, and does not encrypt itself,
    /// only through the proxies that are set.
    pub(crate) fn may_connect(&self, at: IpAddr, peer: IpAddr) -> bool {
        let proxied = self.settings.proxies.iter().any(|network| network.holds(peer));
        self.settings.tls.is_some() || at.is_loopback() || peer.is_loopback() || proxied
    }

    /// Tells whether a request names this node by a name that is its own.
    pub(crate) fn is_own_name(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.settings.public_url.authority()) || host == self.settings.listens.to_string()
    }

    /// Brings what decisions rest on up to date, and ends requests that came with what counts no more.
    pub async fn follow(&self) {
        if self.follower.catch_up().await
            && let Ok(mut confirmed) = self.confirmed.lock()
        {
            *confirmed = Instant::now();
        }
        self.tell_emergencies();
        let confirmed = self.is_confirmed();
        let counts = |credential: &Credential| self.identity.counts(credential).is_ok();
        self.flights.cut(|credential| confirmed && credential.is_none_or(counts));
    }

    /// Tells whoever watches this node of each emergency, once.
    fn tell_emergencies(&self) {
        let (Ok(snapshot), Ok(mut told)) = (self.identity.snapshot(), self.told.lock()) else { return };
        let all = &snapshot.roster().emergencies;
        told.retain(|id| all.contains_key(id));
        for emergency in all.values().filter(|emergency| told.insert(emergency.id)) {
            eprintln!("ALERT: {}", emergency.alert(self.identity.now()));
        }
    }

    /// Tells whether this node has looked at the revocation epoch within the last second.
    pub(crate) fn is_confirmed(&self) -> bool {
        let limit = Duration::from_millis(CONFIRMED_MS);
        self.confirmed.lock().is_ok_and(|confirmed| confirmed.elapsed() <= limit)
    }

    /// Tells whether this node answers requests: it knows what was revoked, and what decisions rest on can be read.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_confirmed() && self.identity.snapshot().is_ok()
    }

    /// Records that this node lives.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be recorded.
    pub(crate) async fn beat(&self) -> Result<(), StoreError> {
        let event = self.installation.own_event(Action::Heartbeat, self.identity.now());
        let recorded = self.installation.writer().record(event, Epoch::ANY).await;
        recorded.map(drop).map_err(|error| StoreError::Place(error.to_string()))
    }
}

/// Whom the last proxy of ours saw: each adds an address at the end of what it was told.
fn seen(proxies: &[Network], peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.holds(address));
    if !is_proxy(peer) {
        return peer;
    }
    let told = forwarded.into_iter().flat_map(|text| text.rsplit(',')).map(|part| part.trim().parse::<IpAddr>());
    let mut others = told.skip_while(|address| address.as_ref().is_ok_and(|address| is_proxy(*address)));
    // What cannot be read hides whoever wrote it.
    others.next().and_then(Result::ok).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_believed_from_a_proxy_that_is_set_and_from_nobody_else() {
        let proxies = ["10.0.0.0/8".parse().expect("a network")];
        let seen = |proxies: &[Network], peer: &str, forwarded: Option<&str>| {
            seen(proxies, peer.parse().expect("an address"), forwarded).to_string()
        };
        assert_eq!(seen(&[], "192.0.2.1", Some("203.0.113.9")), "192.0.2.1", "nobody is trusted");
        assert_eq!(seen(&proxies, "192.0.2.1", Some("203.0.113.9")), "192.0.2.1", "a stranger says so");
        assert_eq!(seen(&proxies, "10.0.0.1", Some("203.0.113.9")), "203.0.113.9");
        assert_eq!(
            seen(&proxies, "10.0.0.1", Some("127.0.0.1, 203.0.113.9")),
            "203.0.113.9",
            "what the client wrote before"
        );
        assert_eq!(seen(&proxies, "10.0.0.1", Some("127.0.0.1, 203.0.113.9, 10.0.0.2")), "203.0.113.9", "two proxies");
        assert_eq!(seen(&proxies, "10.0.0.1", Some("203.0.113.9, unknown")), "10.0.0.1");
        assert_eq!(seen(&proxies, "10.0.0.1", None), "10.0.0.1");
        assert_eq!(seen(&proxies, "::ffff:10.0.0.1", Some("2001:db8::1")), "2001:db8::1");
    }
}
