//! Cuts lines that are too long, but only between words: a number without its last digits would be another number.

use ratatui::text::{Line, Span};

const MORE: &str = "…";

/// Returns the line with as many of its words as fit into `room` columns.
pub(super) fn fit(line: Line<'_>, room: usize) -> Line<'static> {
    let is_whole = line.width() <= room;
    let mut room = if is_whole { room } else { room.saturating_sub(Span::raw(MORE).width()) };
    let mut fitted = Vec::new();
    'spans: for span in &line.spans {
        let mut text = String::new();
        for word in span.content.split_inclusive(' ') {
            let width = |text: &str| Span::raw(text).width();
            if width(word.trim_end()) > room {
                fitted.push(Span::styled(text, span.style));
                break 'spans;
            }
            room = room.saturating_sub(width(word));
            text += word;
        }
        fitted.push(Span::styled(text, span.style));
    }
    if !is_whole {
        fitted.push(Span::raw(MORE));
    }
    Line { style: line.style, alignment: line.alignment, spans: fitted }
}
