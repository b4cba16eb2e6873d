//! Files of an HDFS over WebHDFS: an independent client that costs no JVM.
//!
//! Refuses large files: everything goes through memory.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use ureq::Agent;

/// One file or directory, as WebHDFS tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebFile {
    /// The last component of the path.
    pub name: String,
    /// Bytes; 0 for a directory.
    pub length: u64,
    /// Whether this is a directory.
    pub is_dir: bool,
    /// When it was last written, or an entry of the directory came, went or was renamed, in
    /// milliseconds since the epoch, by the cluster's clock.
    pub modified_ms: u64,
}

/// A client of one cluster's WebHDFS, acting as the user who runs the cluster.
#[derive(Debug, Clone)]
pub struct WebHdfs {
    agent: Agent,
    address: String,
    user: String,
}

const CALL_LIMIT: Duration = Duration::from_secs(10);

impl WebHdfs {
    pub(super) fn new(address: String) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            agent,
            address,
            user: user_name(),
        }
    }

    /// The entries of a directory; `None` if it is not there.
    ///
    /// # Errors
    /// When the cluster does not answer within 10 s, or refuses.
    pub fn list(&self, path: &str) -> Result<Option<Vec<WebFile>>> {
        let mut response = self.agent.get(self.url(path, "LISTSTATUS")).call()?;
        if response.status() == 404 {
            return Ok(None);
        }
        let body: Value = read_json(&mut response)?;
        let entries = body["FileStatuses"]["FileStatus"]
            .as_array()
            .ok_or_else(|| anyhow!("list {path}: {body}"))?;
        Ok(Some(entries.iter().map(file).collect()))
    }

    /// Length of a file; `None` if nothing is there.
    ///
    /// # Errors
    /// When the cluster does not answer within 10 s, or refuses.
    pub fn length(&self, path: &str) -> Result<Option<u64>> {
        let mut response = self.agent.get(self.url(path, "GETFILESTATUS")).call()?;
        if response.status() == 404 {
            return Ok(None);
        }
        let body: Value = read_json(&mut response)?;
        let length = body["FileStatus"]["length"].as_u64();
        Ok(Some(
            length.ok_or_else(|| anyhow!("length of {path}: {body}"))?,
        ))
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When it is not there, or the cluster does not answer within 10 s.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let mut response = self.agent.get(self.url(path, "OPEN")).call()?;
        if !response.status().is_success() {
            bail!("read {path}: {}", response.body_mut().read_to_string()?);
        }
        Ok(response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()?)
    }

    /// Writes a file, replacing what is there; parents are created.
    ///
    /// # Errors
    /// When the cluster does not answer within 10 s, or refuses.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let url = self.url(path, "CREATE") + "&overwrite=true&noredirect=true";
        let mut response = self.agent.put(url).send_empty()?;
        let body: Value = read_json(&mut response)?;
        let location = body["Location"]
            .as_str()
            .ok_or_else(|| anyhow!("write {path}: {body}"))?;
        let mut response = self.agent.put(location).send(bytes)?;
        if response.status() != 201 {
            bail!("write {path}: {}", response.body_mut().read_to_string()?);
        }
        Ok(())
    }

    /// Deletes a file, or a directory with all in it; answers whether something was there.
    ///
    /// # Errors
    /// When the cluster does not answer within 10 s, or refuses.
    pub fn delete(&self, path: &str) -> Result<bool> {
        let url = self.url(path, "DELETE") + "&recursive=true";
        let body: Value = read_json(&mut self.agent.delete(url).call()?)?;
        body["boolean"]
            .as_bool()
            .ok_or_else(|| anyhow!("delete {path}: {body}"))
    }

    /// Any other operation of WebHDFS that is a PUT without a body,
    /// e.g. `SETPERMISSION` with `&permission=700`, `MKDIRS`, `SETQUOTA`.
    ///
    /// # Errors
    /// When the cluster does not answer within 10 s, or refuses.
    pub fn put(&self, path: &str, operation: &str, arguments: &str) -> Result<()> {
        let url = self.url(path, operation) + arguments;
        let mut response = self.agent.put(url).send_empty()?;
        if !response.status().is_success() {
            bail!(
                "{operation} {path}: {}",
                response.body_mut().read_to_string()?
            );
        }
        Ok(())
    }

    fn url(&self, path: &str, operation: &str) -> String {
        let Self { address, user, .. } = self;
        format!("http://{address}/webhdfs/v1{path}?op={operation}&user.name={user}")
    }
}

fn read_json(response: &mut ureq::http::Response<ureq::Body>) -> Result<Value> {
    response
        .body_mut()
        .read_json()
        .context("not an answer of WebHDFS")
}

fn file(status: &Value) -> WebFile {
    WebFile {
        name: status["pathSuffix"].as_str().unwrap_or_default().to_owned(),
        length: status["length"].as_u64().unwrap_or_default(),
        is_dir: status["type"] == "DIRECTORY",
        modified_ms: status["modificationTime"].as_u64().unwrap_or_default(),
    }
}

/// Who runs this process, and so is the superuser of the clusters that it starts.
fn user_name() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid())
        .ok()
        .flatten()
        .map_or_else(|| "root".to_owned(), |user| user.name)
}
