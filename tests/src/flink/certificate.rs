//! A certificate that nobody has signed but itself, for a Flink whose REST interface speaks TLS and
//! asks whoever calls for the same one; by the JDK's own `keytool`, which keeps keys to itself, and
//! `openssl`. Refuses to be trusted by anybody who does not have it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ureq::tls::{ClientCert, PrivateKey};

use crate::java;
use crate::run::Run;

/// Of a key store that lives as long as a test.
const PASSWORD: &str = "changeit";

/// A certificate of 127.0.0.1 and its key.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Both, as Flink reads them.
    store: PathBuf,
    /// The certificate as one to be trusted, as Flink reads it.
    trust: PathBuf,
    pem: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes one.
    ///
    /// # Errors
    /// When `keytool` or `openssl` fails: with what it said.
    pub fn make(run: &Run) -> Result<Self> {
        let dir = run.data_dir("certificate")?;
        let [store, trust, pem, key] =
            ["rest.p12", "trust.p12", "rest.pem", "key.pem"].map(|name| dir.join(name));
        let make = [
            "-genkeypair",
            "-keyalg",
            "RSA",
            "-dname",
            "CN=flink",
            "-ext",
            "san=ip:127.0.0.1",
        ];
        keytool(run, &store, &make)?;
        let file = pem.display().to_string();
        keytool(run, &store, &["-exportcert", "-rfc", "-file", &file])?;
        keytool(run, &trust, &["-importcert", "-noprompt", "-file", &file])?;
        let mut words = Vec::from(["openssl", "pkcs12", "-nocerts", "-nodes"].map(OsString::from));
        words.extend(["-passin".into(), format!("pass:{PASSWORD}").into()]);
        words.extend(["-in".into(), store.clone().into()]);
        words.extend(["-out".into(), key.clone().into()]);
        java::run_to_end(&words, run.log_dir())?;
        Ok(Self {
            store,
            trust,
            pem,
            key,
        })
    }

    /// For those who are to trust it, or to show it.
    pub fn pem(&self) -> &Path {
        &self.pem
    }

    /// For those who are to show it.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// What Flink's configuration needs.
    pub(super) fn entries(&self) -> [(&'static str, String); 7] {
        let path = |path: &Path| path.display().to_string();
        let password = PASSWORD.to_owned();
        [
            ("security.ssl.rest.enabled", "true".to_owned()),
            (
                "security.ssl.rest.authentication-enabled",
                "true".to_owned(),
            ),
            ("security.ssl.rest.keystore", path(&self.store)),
            ("security.ssl.rest.keystore-password", password.clone()),
            ("security.ssl.rest.key-password", password.clone()),
            ("security.ssl.rest.truststore", path(&self.trust)),
            ("security.ssl.rest.truststore-password", password),
        ]
    }

    /// For whoever calls that Flink, and trusts whatever answers.
    pub(super) fn shown(&self) -> Result<ClientCert> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let certificate = ureq::tls::Certificate::from_pem(&read(&self.pem)?)?;
        let key = PrivateKey::from_pem(&read(&self.key)?)?;
        Ok(ClientCert::new_with_certs(&[certificate], key))
    }
}

fn keytool(run: &Run, store: &Path, arguments: &[&str]) -> Result<()> {
    let mut words: Vec<OsString> = vec!["keytool".into()];
    words.extend(arguments.iter().map(OsString::from));
    words.extend(
        [
            "-alias",
            "flink",
            "-storetype",
            "PKCS12",
            "-storepass",
            PASSWORD,
        ]
        .map(Into::into),
    );
    words.extend(["-keystore".into(), store.into()]);
    java::run_to_end(&words, run.log_dir()).map(drop)
}
