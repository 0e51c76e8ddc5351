//! Tests TLS with the certificate authorities of the operating system, with the feature `platform-verifier`.

mod adapter;

#[test]
fn authorities_of_the_system() {
    let roots = || gemini_ws_smol::tls::platform_roots().unwrap();
    gemini_ws_suite::authorities_of_the_system::<adapter::SmolAdapter>("authorities_of_the_system", roots);
}
