//! Tests credentials and headers.

use super::*;

/// Checks that the types that hold credentials and headers wipe their memory when they are dropped.
#[test]
fn everything_secret_is_wiped_when_dropped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<Zeroizing<String>>();
    wiped::<Zeroizing<Vec<u8>>>();
    // `Hmac` does not implement the trait itself. It contains two states of the hash and a buffer, as `Sha384`
    // does.
    wiped::<Sha384>();
    wiped::<<Sha384 as hmac::EagerHash>::Core>();
    assert!(core::mem::needs_drop::<Hmac<Sha384>>());
    wiped::<hmac::digest::CtOutput<Hmac<Sha384>>>();
}
