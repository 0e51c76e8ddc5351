//! Uses the core without the standard library. This crate is only checked, never run.
#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

use gemini_ws::{Client, Config, Credentials, Endpoint, Frame, Instant, Scratch, Signer, UnixTime};

struct NoMemory;

// SAFETY: an allocator without memory may return a null pointer.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Opens a client and passes it a text frame. Returns whether the client reports an event.
pub fn touch(text: &str) -> bool {
    let mut client = Client::single(Config::new("wss://ws.gemini.com/").seed(1));
    let mut scratch = Scratch::new();
    let opened = client.open(Instant::ZERO);
    let Some((link, ..)) = opened.ok().and_then(|()| client.links().next()) else { return false };
    client.handle_frame(link, Instant::ZERO, Frame::Text(text), &mut scratch).is_some()
}

/// Signs an upgrade with the device's time. Returns the number of headers; `None` if the key or the secret is not
/// valid.
pub fn sign(key: &str, secret: &str, millis: u64) -> Option<usize> {
    let mut signer = Signer::new(Credentials::hmac(key, secret).ok()?);
    Some(signer.headers(Endpoint::Streams, UnixTime::from_millis(millis)).iter().count())
}
