//! The signature of payload headers.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;

pub fn sign(payload: &str) -> String {
    let mut mac = Hmac::<Sha384>::new_from_slice(b"secret").unwrap();
    mac.update(payload.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
