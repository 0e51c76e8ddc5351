//! TLS configurations that trust different certificate authorities. All use the cryptography of `ring`.

use std::io;
use std::sync::Arc;

use futures_rustls::rustls::client::WantsClientCert;
use futures_rustls::rustls::pki_types::CertificateDer;
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::{
    self, CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
};
use gemini_ws_driver::gemini_ws::ConnectFailure;
use gemini_ws_driver::io_failure;

/// Returns a configuration that trusts the certificate authorities of browsers. The crate contains these authorities.
/// This configuration is the default of a [`Dialer`](crate::Dialer).
///
/// ```
/// let dialer = gemini_ws_transport::Dialer::new().tls(gemini_ws_transport::tls::web_roots());
/// assert!(format!("{dialer:?}").contains("Dialer"));
/// ```
pub fn web_roots() -> Arc<ClientConfig> {
    finish(builder().with_root_certificates(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }))
}

/// Returns a configuration that trusts only the certificate authorities in `pem`, for example the authority of a
/// company's proxy.
///
/// # Errors
///
/// An error of the kind [`InvalidData`](io::ErrorKind::InvalidData) if the text has no certificate, or if a
/// certificate cannot be read or used.
///
/// ```
/// let error = gemini_ws_transport::tls::roots_of_pem(b"no certificate").unwrap_err();
/// assert_eq!(error.to_string(), "no certificate in the PEM text");
/// ```
pub fn roots_of_pem(pem: &[u8]) -> io::Result<Arc<ClientConfig>> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut roots = RootCertStore::empty();
    for (position, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let add = certificate.map_err(|why| why.to_string());
        let add = add.and_then(|certificate| roots.add(certificate).map_err(|why| why.to_string()));
        add.map_err(|why| {
            invalid(format!("certificate {} of the PEM text: {why}", position.saturating_add(1)))
        })?;
    }
    if roots.is_empty() {
        return Err(invalid("no certificate in the PEM text".to_owned()));
    }
    Ok(finish(builder().with_root_certificates(roots)))
}

/// Returns a configuration that trusts the certificate authorities of the operating system. On Windows and Apple
/// systems, the verifier of the system checks the certificates. Needs the feature `platform-verifier`.
///
/// # Errors
///
/// An error if the system has no authority that can be loaded. If only some authorities cannot be loaded, the
/// configuration does not trust these, and there is no error.
#[cfg(feature = "platform-verifier")]
pub fn platform_roots() -> Result<Arc<ClientConfig>, rustls::Error> {
    use rustls_platform_verifier::BuilderVerifierExt;

    builder().with_platform_verifier().map(finish)
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.expect("ring supports TLS 1.2 and 1.3")
}

fn finish(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Arc<ClientConfig> {
    Arc::new(builder.with_no_client_auth())
}

pub(crate) fn failure(error: &io::Error) -> ConnectFailure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => ConnectFailure::CertificateTime,
        Some(rustls::Error::InvalidCertificate(_)) => ConnectFailure::Certificate,
        Some(_) => ConnectFailure::Tls,
        None => io_failure(error),
    }
}
