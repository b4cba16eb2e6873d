//! What it takes to talk to a Flink by `https` (`security.ssl.rest.enabled`, or a proxy before it):
//! whom to trust, and who one is. Refuses to trust whoever answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use ureq::tls::{Certificate, ClientCert, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// Files in PEM. Without any, the system's authorities are trusted, or those of `SSL_CERT_FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// The authorities to be trusted instead, or the very certificates.
    pub ca: Option<PathBuf>,
    /// One's own certificate and those that it hangs on, for a Flink that asks for one
    /// (`security.ssl.rest.authentication-enabled`).
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// # Errors
    /// When a file cannot be read, or does not have what it is for.
    pub(super) fn config(&self) -> Result<TlsConfig, String> {
        let crypto = rustls::crypto::ring::default_provider();
        let config = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(crypto));
        let config = match &self.ca {
            None => config.root_certs(RootCerts::PlatformVerifier),
            Some(path) => config.root_certs(RootCerts::new_with_certs(&certificates(path)?)),
        };
        let own = match (&self.certificate, &self.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let of_key = |item| match item {
                    PemItem::PrivateKey(key) => Some(key),
                    _ => None,
                };
                let key = read(key, "private key", of_key)?.swap_remove(0);
                Some(ClientCert::new_with_certs(&certificates(certificate)?, key))
            }
            _ => return Err("a certificate and its key belong together".to_owned()),
        };
        Ok(config.client_cert(own).build())
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    read(path, "certificate", |item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    })
}

/// All of a kind in a file; one at least.
fn read<T>(
    path: &Path,
    what: &str,
    of: impl Fn(PemItem<'static>) -> Option<T>,
) -> Result<Vec<T>, String> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let items = parse_pem(&text).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| wrong(error.to_string()))?;
    let found: Vec<_> = items.into_iter().filter_map(of).collect();
    if found.is_empty() {
        return Err(wrong(format!("there is no {what} in PEM in it")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        assert!(Tls::default().config().is_ok());
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let ca = |path: &Path| Tls {
            ca: Some(path.to_owned()),
            ..Tls::default()
        };
        let why = ca(&empty).config().unwrap_err();
        assert!(
            why.ends_with("empty.pem: there is no certificate in PEM in it"),
            "{why}"
        );
        let why = ca(&dir.path().join("none.pem")).config().unwrap_err();
        assert!(why.contains("none.pem: No such file"), "{why}");
        let alone = Tls {
            key: Some(empty),
            ..Tls::default()
        };
        let why = alone.config().unwrap_err();
        assert_eq!(why, "a certificate and its key belong together");
    }
}
