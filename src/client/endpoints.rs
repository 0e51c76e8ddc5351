//! [`Endpoints`]: the endpoints that a client may use, their hosts, and the slots of their links.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::config::Config;
use crate::error::CommandError;
use crate::link::Experience;
use crate::link::backoff::Backoff;
use crate::link::limits::Limits;
use crate::request::stream::Stream;
use crate::value::endpoint::Endpoint;
use crate::value::id::EndpointId;
use crate::value::time::Instant;

/// In the order in which they were added, which is that of their ids.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    entries: BTreeMap<EndpointId, Entry>,
    next: u32,
    /// Those of each generation, authenticated or not.
    kinds: BTreeMap<(u8, bool), BTreeSet<EndpointId>>,
    /// Those that want a link and have none.
    waiting: BTreeSet<EndpointId>,
    /// How many have no link.
    unlinked: usize,
    /// `None` where one was forgotten.
    hosts: Vec<Option<Host>>,
    /// Whether one was added or removed since the last pump.
    is_changed: bool,
}

/// An endpoint that may be used.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    config: Config,
    host: usize,
    /// The slots of its links.
    slots: BTreeSet<usize>,
    /// Those of them whose links have room for a stream.
    roomy: BTreeSet<usize>,
    /// The delays that the next link goes on with.
    backoff: Option<Backoff>,
    experience: Experience,
}

/// What links to the same host share. It is forgotten when nothing leads there and its limits have recovered: not
/// before, or whoever removes an endpoint and adds it again would have new ones.
#[derive(Clone, Debug)]
struct Host {
    name: String,
    limits: Limits,
    /// Endpoints and links.
    users: usize,
}

impl Entry {
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn host(&self) -> usize {
        self.host
    }

    pub(super) const fn slots(&self) -> &BTreeSet<usize> {
        &self.slots
    }

    pub(super) const fn take_backoff(&mut self) -> Option<Backoff> {
        self.backoff.take()
    }

    pub(super) const fn experience(&self) -> Experience {
        self.experience
    }

    /// The first slot whose link has room for another stream.
    pub(super) fn roomy_slot(&self) -> Option<usize> {
        self.roomy.first().copied()
    }
}

impl Host {
    fn is_forgettable(&self, now: Instant) -> bool {
        self.users == 0 && self.limits.is_idle(now)
    }
}

impl Endpoints {
    pub(super) const fn new() -> Endpoints {
        Endpoints {
            entries: BTreeMap::new(),
            next: 0,
            kinds: BTreeMap::new(),
            waiting: BTreeSet::new(),
            unlinked: 0,
            hosts: Vec::new(),
            is_changed: false,
        }
    }

    pub(super) fn add(&mut self, config: Config, now: Instant) -> EndpointId {
        let host = self.host_of(&config, now);
        let id = EndpointId::new(self.next);
        self.next = self.next.wrapping_add(1);
        self.is_changed = true;
        self.kinds.entry(kind(&config)).or_default().insert(id);
        if config.stays_open() {
            self.waiting.insert(id);
        }
        self.unlinked = self.unlinked.saturating_add(1);
        let (slots, roomy, experience) = (BTreeSet::new(), BTreeSet::new(), Experience::default());
        self.entries.insert(id, Entry { config, host, slots, roomy, backoff: None, experience });
        id
    }

    /// The place of an endpoint's host. Hosts that nobody needs are forgotten on the way.
    fn host_of(&mut self, config: &Config, now: Instant) -> usize {
        let mut free = self.hosts.len();
        for (place, host) in self.hosts.iter_mut().enumerate() {
            host.take_if(|host| host.name != config.host() && host.is_forgettable(now));
            match host {
                Some(host) if host.name == config.host() => {
                    host.users = host.users.saturating_add(1);
                    host.limits.add(config, now);
                    return place;
                }
                Some(_) => {}
                None => free = free.min(place),
            }
        }
        let host = Some(Host { name: config.host().into(), limits: Limits::new(config), users: 1 });
        match self.hosts.get_mut(free) {
            Some(place) => *place = host,
            None => self.hosts.push(host),
        }
        free
    }

    /// One that used a host needs it no more.
    pub(super) fn release_host(&mut self, host: usize, now: Instant) {
        if let Some(place) = self.hosts.get_mut(host) {
            if let Some(host) = place {
                host.users = host.users.saturating_sub(1);
            }
            place.take_if(|host| host.is_forgettable(now));
        }
    }

    /// Forgets an endpoint. Returns the slots of its links.
    pub(super) fn remove(&mut self, id: EndpointId, now: Instant) -> Option<BTreeSet<usize>> {
        let entry = self.entries.remove(&id)?;
        self.is_changed = true;
        if let Some(kind) = self.kinds.get_mut(&kind(&entry.config)) {
            kind.remove(&id);
        }
        self.waiting.remove(&id);
        if entry.slots.is_empty() {
            self.unlinked = self.unlinked.saturating_sub(1);
        }
        self.release_host(entry.host, now);
        Some(entry.slots)
    }

    pub(super) fn get(&self, id: EndpointId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = EndpointId> + '_ {
        self.entries.keys().copied()
    }

    pub(super) fn configs(&self) -> impl Iterator<Item = &Config> {
        self.entries.values().map(Entry::config)
    }

    /// The endpoints of a generation, authenticated or not.
    pub(super) fn of_kind(&self, api: Endpoint, authenticated: bool) -> &BTreeSet<EndpointId> {
        const NONE: &BTreeSet<EndpointId> = &BTreeSet::new();
        self.kinds.get(&(api as u8, authenticated)).unwrap_or(NONE)
    }

    pub(super) fn has_api(&self, api: Endpoint) -> bool {
        [false, true].iter().any(|authenticated| !self.of_kind(api, *authenticated).is_empty())
    }

    pub(super) fn get_mut(&mut self, id: EndpointId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// Notes what a link to an endpoint has shown. Returns the endpoint's slots if that was not known.
    pub(super) fn learn(&mut self, id: EndpointId, experience: Experience) -> Option<&BTreeSet<usize>> {
        let entry = self.entries.get_mut(&id).filter(|entry| entry.experience != experience)?;
        entry.experience = experience;
        Some(&entry.slots)
    }

    #[inline]
    pub(super) fn limits(&mut self, host: usize) -> Option<&mut Limits> {
        self.hosts.get_mut(host)?.as_mut().map(|host| &mut host.limits)
    }

    /// The endpoint of a stream: an account's streams go to the first that is authenticated, others to the
    /// first that is not, if there is such a one.
    pub(super) fn endpoint_of(&self, stream: &Stream) -> Result<EndpointId, CommandError> {
        let first = |authenticated: bool| {
            let of = |api: &Endpoint| {
                let ids = self.kinds.get(&(*api as u8, authenticated))?;
                let first = ids.first()?;
                self.entries.get(first).filter(|entry| entry.config.has(stream)).map(|_| *first)
            };
            Endpoint::ALL.iter().filter_map(of).min()
        };
        if stream.is_private() {
            let unsigned = first(false).map(|_| CommandError::NotAuthenticated);
            return first(true).ok_or(unsigned.unwrap_or(CommandError::WrongEndpoint));
        }
        first(false).or_else(|| first(true)).ok_or(CommandError::WrongEndpoint)
    }

    // ---- slots -----------------------------------------------------------------------------

    /// A slot has a link to an endpoint from now on.
    pub(super) fn add_slot(&mut self, id: EndpointId, slot: usize) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.slots.is_empty() {
            self.unlinked = self.unlinked.saturating_sub(1);
        }
        entry.slots.insert(slot);
        if let Some(host) = self.hosts.get_mut(entry.host).and_then(Option::as_mut) {
            host.users = host.users.saturating_add(1);
        }
        self.waiting.remove(&id);
    }

    /// A slot has no link any more; the next one goes on with its delays.
    pub(super) fn remove_slot(&mut self, id: EndpointId, slot: usize, backoff: &Backoff) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if !backoff.is_fresh() {
            entry.backoff.insert(backoff.clone()).begin_row();
        }
        entry.slots.remove(&slot);
        entry.roomy.remove(&slot);
        if entry.slots.is_empty() {
            self.unlinked = self.unlinked.saturating_add(1);
            if entry.config.stays_open() {
                self.waiting.insert(id);
            }
        }
    }

    /// Notes whether the link of a slot has room for another stream.
    pub(super) fn set_room(&mut self, id: EndpointId, slot: usize, has_room: bool) {
        if let Some(entry) = self.entries.get_mut(&id) {
            if has_room {
                entry.roomy.insert(slot);
            } else {
                entry.roomy.remove(&slot);
            }
        }
    }

    /// Whether the pump has to look at them: some were added or removed, or wait for a link.
    #[inline]
    pub(super) fn need_a_look(&self) -> bool {
        self.is_changed || !self.waiting.is_empty()
    }

    pub(super) const fn note_looked_at(&mut self) {
        self.is_changed = false;
    }

    /// The endpoints that stay open and have no link.
    pub(super) const fn waiting(&self) -> &BTreeSet<EndpointId> {
        &self.waiting
    }

    /// Whether there are endpoints, and each has a link.
    pub(super) fn are_all_linked(&self) -> bool {
        self.unlinked == 0 && !self.entries.is_empty()
    }
}

/// Which streams an endpoint has, and for whom.
const fn kind(config: &Config) -> (u8, bool) {
    (config.api as u8, config.authenticated)
}
