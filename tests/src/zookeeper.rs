//! A ZooKeeper server in a process of its own, for Flink's high availability. One server only.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::java;
use crate::ports::Port;
use crate::process::{Launch, Process};
use crate::run::Run;
use crate::wait::wait_until;

const READY_LIMIT: Duration = Duration::from_mins(1);

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub struct ZooKeeper {
    address: String,
    process: Process,
    _port: Port,
}

impl ZooKeeper {
    /// Starts a server and waits until it takes connections.
    ///
    /// # Errors
    /// When Maven or the process fails: with the end of its log.
    pub fn start(run: &Run) -> Result<Self> {
        let jars = crate::jars("zookeeper", &[])?;
        let data = run.data_dir("zookeeper")?;
        let port = Port::take()?;
        let number = port.number();
        let classes: [&Path; 1] = [&jars.join("*")];
        let command = java::command(
            &classes,
            &["-Xmx96m", "-Dzookeeper.admin.enableServer=false"],
            "org.apache.zookeeper.server.ZooKeeperServerMain",
            &[&number.to_string(), &data.to_string_lossy()],
        );
        let process = Process::start(Launch {
            label: "zookeeper".to_owned(),
            command,
            env: Vec::new(),
            directory: data,
            log: run.log_dir().join("zookeeper.log"),
            keep: run.is_kept(),
        })?;
        let socket = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
        wait_until("ZooKeeper to take connections", READY_LIMIT, || {
            if !process.is_running() {
                return Ok(Err(process.ended()));
            }
            TcpStream::connect_timeout(&socket, Duration::from_secs(1)).map(|_| Ok(()))
        })??;
        Ok(Self {
            address: port.address(),
            process,
            _port: port,
        })
    }

    /// `127.0.0.1:port`, as `high-availability.zookeeper.quorum` takes it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process, to be killed, frozen, restarted with its data.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
