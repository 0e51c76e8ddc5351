//! [`Endpoints`]: the endpoints that a client may use, their hosts, and the slots of their links.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::config::Config;
use crate::error::CommandError;
use crate::link::Experience;
use crate::link::backoff::Backoff;
use crate::link::limits::Limits;
use crate::request::stream::Stream;
use crate::value::endpoint::Endpoint;
use crate::value::id::EndpointId;
use crate::value::time::Instant;

/// The endpoints of a client, ordered by id. Ids rise in the order in which the endpoints were added.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    entries: BTreeMap<EndpointId, Entry>,
    next: u32,
    /// The endpoints of each kind. A kind is the number of a generation of the API, and whether the endpoint is
    /// authenticated.
    kinds: BTreeMap<(u8, bool), BTreeSet<EndpointId>>,
    /// Endpoints with [`Config::stay_open`] that have no link.
    waiting: BTreeSet<EndpointId>,
    unlinked: usize,
    /// `None` where a host was removed.
    hosts: Vec<Option<Host>>,
    is_changed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    config: Config,
    host: usize,
    /// The slots of the links to the endpoint. The slot of the oldest link is first.
    slots: Vec<usize>,
    roomy: BTreeSet<usize>,
    /// The `Backoff` of a link that has ended. The next link continues with it.
    backoff: Option<Backoff>,
    experience: Experience,
}

/// The rate limits that the links to one host share. A host is removed only when no endpoint and no link uses it, and
/// its limits have recovered. If it were removed earlier, an application could reset the limits by removing an
/// endpoint and adding it again.
#[derive(Clone)]
struct Host {
    name: String,
    limits: Limits,
    users: usize,
}

impl fmt::Debug for Host {
    /// Leaves out the name. If a password in the address contains a slash, the text before this slash counts as the
    /// name of the host, and so contains a part of the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Host { limits, users, .. } = self;
        f.debug_struct("Host").field("limits", limits).field("users", users).finish_non_exhaustive()
    }
}

impl Entry {
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn host(&self) -> usize {
        self.host
    }

    pub(super) fn slots(&self) -> &[usize] {
        &self.slots
    }

    pub(super) const fn take_backoff(&mut self) -> Option<Backoff> {
        self.backoff.take()
    }

    pub(super) const fn experience(&self) -> Experience {
        self.experience
    }

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
        let (slots, roomy, experience) = (Vec::new(), BTreeSet::new(), Experience::default());
        self.entries.insert(id, Entry { config, host, slots, roomy, backoff: None, experience });
        id
    }

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

    pub(super) fn release_host(&mut self, host: usize, now: Instant) {
        if let Some(place) = self.hosts.get_mut(host) {
            if let Some(host) = place {
                host.users = host.users.saturating_sub(1);
            }
            place.take_if(|host| host.is_forgettable(now));
        }
    }

    pub(super) fn remove(&mut self, id: EndpointId, now: Instant) -> Option<Vec<usize>> {
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

    /// Returns the endpoint with this [tag](EndpointId::tag), even if it was removed. Tags repeat after 65,536
    /// endpoints: if several endpoints have had this tag, returns an endpoint only if exactly one of them still
    /// exists.
    pub(super) fn tagged(&self, tag: u16) -> Option<EndpointId> {
        let (first, count) = (u32::from(tag), 1 << u16::BITS);
        if self.next <= first.saturating_add(count) {
            return Some(EndpointId::new(first)).filter(|_| first < self.next);
        }
        let mut present = self.ids().filter(|id| id.tag() == tag);
        let one = present.next()?;
        present.next().is_none().then_some(one)
    }

    pub(super) fn configs(&self) -> impl Iterator<Item = &Config> {
        self.entries.values().map(Entry::config)
    }

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

    /// If the [`Experience`] has changed, returns the slots of the endpoint, so that the caller can pass it to each
    /// link there.
    pub(super) fn learn(&mut self, id: EndpointId, experience: Experience) -> Option<&[usize]> {
        let entry = self.entries.get_mut(&id).filter(|entry| entry.experience != experience)?;
        entry.experience = experience;
        Some(&entry.slots)
    }

    #[inline]
    pub(super) fn limits(&mut self, host: usize) -> Option<&mut Limits> {
        self.hosts.get_mut(host)?.as_mut().map(|host| &mut host.limits)
    }

    pub(super) fn take_news(&mut self, host: usize) -> bool {
        self.limits(host).is_some_and(Limits::take_news)
    }

    /// Returns the endpoint for a stream that is not subscribed yet, as
    /// [`Client::subscribe`](crate::Client::subscribe) chooses it.
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

    pub(super) fn add_slot(&mut self, id: EndpointId, slot: usize) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.slots.is_empty() {
            self.unlinked = self.unlinked.saturating_sub(1);
        }
        entry.slots.push(slot);
        if let Some(host) = self.hosts.get_mut(entry.host).and_then(Option::as_mut) {
            host.users = host.users.saturating_add(1);
        }
        self.waiting.remove(&id);
    }

    pub(super) fn remove_slot(&mut self, id: EndpointId, slot: usize, backoff: &Backoff) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if !backoff.is_fresh() {
            entry.backoff.insert(backoff.clone()).begin_row();
        }
        entry.slots.retain(|other| *other != slot);
        entry.roomy.remove(&slot);
        if entry.slots.is_empty() {
            self.unlinked = self.unlinked.saturating_add(1);
            if entry.config.stays_open() {
                self.waiting.insert(id);
            }
        }
    }

    pub(super) fn set_room(&mut self, id: EndpointId, slot: usize, has_room: bool) {
        if let Some(entry) = self.entries.get_mut(&id) {
            if has_room {
                entry.roomy.insert(slot);
            } else {
                entry.roomy.remove(&slot);
            }
        }
    }

    #[inline]
    pub(super) fn need_a_look(&self) -> bool {
        self.is_changed || !self.waiting.is_empty()
    }

    pub(super) const fn note_looked_at(&mut self) {
        self.is_changed = false;
    }

    pub(super) const fn waiting(&self) -> &BTreeSet<EndpointId> {
        &self.waiting
    }

    pub(super) fn are_all_linked(&self) -> bool {
        self.unlinked == 0 && !self.entries.is_empty()
    }
}

const fn kind(config: &Config) -> (u8, bool) {
    (config.api as u8, config.authenticated)
}
