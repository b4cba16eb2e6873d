//! Ports that stay ours over restarts, also against other test processes of this machine.
//!
//! Takes them below the range from which the kernel serves outgoing connections, so that none
//! is lost while its process is down. Refuses to hand one port out twice at a time.

use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Linux serves outgoing connections from 32768 on (`net.ipv4.ip_local_port_range`).
const RANGE: Range<u16> = 21_000..31_000;

/// A port of 127.0.0.1 that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Errors
    /// When all are taken, or the folder of the locks cannot be written.
    pub(crate) fn take() -> Result<Self> {
        let folder = lock_folder();
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let offset = u16::try_from(std::process::id() % 499).unwrap_or(0) * 20;
        for step in 0..RANGE.end - RANGE.start {
            let number = RANGE.start + (offset + step) % (RANGE.end - RANGE.start);
            let path = folder.join(number.to_string());
            let lock =
                File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(e)) => return Err(e).context("cannot lock a port's file"),
            }
            if TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self {
                    number,
                    _lock: lock,
                });
            }
        }
        bail!("no free port in {RANGE:?}; stop what listens there");
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        self.address_at(Ipv4Addr::LOCALHOST)
    }

    /// The same port of another host, where nobody else takes any.
    pub(crate) fn address_at(&self, ip: Ipv4Addr) -> String {
        format!("{ip}:{}", self.number)
    }
}

/// Shared by all checkouts of one user.
fn lock_folder() -> PathBuf {
    std::env::temp_dir().join(format!("flink-dualwrite-ports-{}", nix::unistd::getuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_handed_out_once_at_a_time() {
        let ports: Vec<Port> = (0..20).map(|_| Port::take().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());
    }
}
