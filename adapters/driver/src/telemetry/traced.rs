//! Spans and events of `tracing`.

use std::time::Duration;

use gemini_ws::{Event, Frame, Instant, LinkId, Lost, Output};
use tracing::{Span, debug, info, trace, warn, warn_span};

const OVERFLOW_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Traced {
    links: Vec<Option<(LinkId, Span)>>,
    dropped: u64,
    reported: Option<Instant>,
}

impl Traced {
    fn span(&self, link: LinkId) -> Span {
        let known = self.links.get(link.slot()).and_then(Option::as_ref);
        known.filter(|(of, _)| *of == link).map_or_else(Span::none, |(_, span)| span.clone())
    }

    pub(crate) fn frame(&self, link: LinkId, frame: &Frame<'_>) {
        if tracing::enabled!(tracing::Level::TRACE) {
            let _within = self.span(link).entered();
            match frame {
                Frame::Text(text) => trace!(bytes = text.len(), text, "frame"),
                Frame::Binary(bytes) => trace!(bytes = bytes.len(), "binary frame"),
                Frame::Ping(_) => trace!("ping"),
                Frame::Pong(_) => trace!("pong"),
                Frame::Close { code, .. } => trace!(code, "close frame"),
            }
        }
    }

    pub(crate) fn output(&mut self, output: &Output) {
        match output {
            Output::Connect(link) => {
                // At the level `warn` too, a warning has the span of its link.
                let span = warn_span!("link", slot = link.slot(), epoch = link.epoch());
                span.in_scope(|| debug!("dial"));
                if self.links.len() <= link.slot() {
                    self.links.resize(link.slot().saturating_add(1), None);
                }
                if let Some(place) = self.links.get_mut(link.slot()) {
                    *place = Some((*link, span));
                }
            }
            Output::Send { link, text } => {
                let _within = self.span(*link).entered();
                trace!(bytes = text.len(), text, "send");
            }
            Output::Close { link, code, .. } => self.span(*link).in_scope(|| debug!(code, "close")),
            Output::Abort(link) => self.span(*link).in_scope(|| debug!("abort")),
            _ => {}
        }
    }

    /// Adds `events` to the number of dropped events. If the last report is at least [`OVERFLOW_INTERVAL`] ago,
    /// reports this number and starts again at zero.
    pub(crate) fn dropped(&mut self, events: u64, now: Instant) {
        self.dropped = self.dropped.saturating_add(events);
        if self.dropped > 0 && self.reported.is_none_or(|last| last + OVERFLOW_INTERVAL <= now) {
            self.reported = Some(now);
            self.report_dropped();
        }
    }

    fn report_dropped(&mut self) {
        warn!(dropped = std::mem::take(&mut self.dropped), "overflow");
    }

    /// Records an event in the span of its link. `of` is the link whose frame caused the event; `None` for an event
    /// without a frame, which names its link if it is about one.
    pub(crate) fn event(&mut self, of: Option<LinkId>, event: &Event<'_>) {
        let link = match event {
            Event::Opened { link, .. }
            | Event::Live { link }
            | Event::ConnectFailed { link, .. }
            | Event::Disconnected { link, .. }
            | Event::SequenceGap { link, .. }
            | Event::Silent { link, .. }
            | Event::Unserved { link, .. }
            | Event::Rejected { link, .. } => Some(*link),
            Event::Gap { link, .. } => *link,
            _ => of,
        };
        let _within = link.map_or_else(Span::none, |link| self.span(link)).entered();
        match event {
            Event::Opened { .. } => info!("open"),
            Event::Live { .. } => info!("live"),
            Event::ConnectFailed { reason: why, retry, .. } => {
                warn!(cause = %why, retries = retry.is_some(), "not connected")
            }
            Event::Disconnected { reason: why @ (Lost::Requested | Lost::CloseTimedOut), .. } => {
                info!(cause = %why, "disconnected");
            }
            Event::Disconnected { reason: why, retry, .. } => {
                warn!(cause = %why, retries = retry.is_some(), "disconnected");
            }
            Event::ShuttingDown { step } => info!(?step, "shutting down"),
            Event::Closed { reason, abandoned } => info!(%reason, ?abandoned, "closed"),
            Event::Gap { symbol, expected, got, .. } => warn!(%symbol, expected, got, "gap"),
            Event::SequenceGap { expected, got, .. } => warn!(expected, got, "gap"),
            Event::Silent { stream, .. } => warn!(%stream, "silent for too long"),
            Event::Unserved { stream, reason, attempts, .. } => {
                warn!(%stream, cause = %reason, attempts, "not served");
            }
            Event::Rejected { stream, error, .. } => warn!(%stream, code = error.code, "refused"),
            Event::Malformed(it, _) => debug!(error = %it.error, bytes = it.frame.len(), "not decoded"),
            Event::Ignored(it, source) => {
                debug!(why = ?it.reason, bytes = source.frame().len(), "not used");
            }
            _ => {}
        }
        if let Event::ConnectFailed { link, .. } | Event::Disconnected { link, .. } = event
            && let Some(ended) = self.links.get_mut(link.slot())
        {
            ended.take_if(|(of, _)| of == link);
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.dropped > 0 {
            self.report_dropped();
        }
    }
}
