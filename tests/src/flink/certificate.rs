//! A certificate that nobody has signed but itself, for a Flink whose REST interface speaks TLS, by
//! the JDK's own `keytool`. Refuses to be trusted by anybody who does not have it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::java;
use crate::run::Run;

/// Of a key store that lives as long as a test.
const PASSWORD: &str = "changeit";

/// A certificate of 127.0.0.1 and its key.
#[derive(Debug, Clone)]
pub struct Certificate {
    store: PathBuf,
    pem: PathBuf,
}

impl Certificate {
    /// Makes one.
    ///
    /// # Errors
    /// When `keytool` fails: with what it said.
    pub fn make(run: &Run) -> Result<Self> {
        let dir = run.data_dir("certificate")?;
        let (store, pem) = (dir.join("rest.p12"), dir.join("rest.pem"));
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
        let pem_path = pem.display().to_string();
        keytool(run, &store, &["-exportcert", "-rfc", "-file", &pem_path])?;
        Ok(Self { store, pem })
    }

    /// For those who are to trust it.
    pub fn pem(&self) -> &Path {
        &self.pem
    }

    /// What Flink's configuration needs.
    pub(super) fn entries(&self) -> [(&'static str, String); 6] {
        let (store, password) = (self.store.display().to_string(), PASSWORD.to_owned());
        [
            ("security.ssl.rest.enabled", "true".to_owned()),
            ("security.ssl.rest.keystore", store.clone()),
            ("security.ssl.rest.keystore-password", password.clone()),
            ("security.ssl.rest.key-password", password.clone()),
            ("security.ssl.rest.truststore", store),
            ("security.ssl.rest.truststore-password", password),
        ]
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
