//! A host of its own for the processes of a cluster: a network namespace that one link reaches.
//!
//! The link can be cut, so that packets vanish without a word in both directions, and limited to a
//! rate. Needs root, and `ip` and `tc` of iproute2. Refuses delay: the kernel's `netem` is not
//! everywhere.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::janitor::Janitor;
use crate::ports::Port;
use crate::root;

/// The cards' addresses on the two ends of a link.
const NEAR_CARD: &str = "02:00:00:00:00:01";
const FAR_CARD: &str = "02:00:00:00:00:02";
/// Nobody's: what is sent to it is heard by nobody.
const NO_CARD: &str = "02:00:00:00:00:ff";
/// With the id of the process that made it after it.
const NAME: &str = "dualwrite-";

/// A running host. Dropped, or with the test's process gone, it is taken away.
#[derive(Debug)]
pub struct Host {
    name: String,
    /// The link's end on this machine.
    device: String,
    near: Ipv4Addr,
    far: Ipv4Addr,
    _janitor: Janitor,
    /// Makes names and addresses our own.
    _port: Port,
}

impl Host {
    /// A host with a link of unlimited rate; removes what killed tests have left.
    ///
    /// # Errors
    /// When this process is not root, or iproute2 is not installed.
    pub fn start() -> Result<Self> {
        root::need("a host of its own")?;
        remove_leftovers()?;
        let port = Port::take()?;
        let host = Self {
            name: format!("{NAME}{}-{}", std::process::id(), port.number()),
            device: format!("dw{}", port.number()),
            near: address(&port, 1),
            far: address(&port, 2),
            // The shell first: whatever happens then, somebody undoes it.
            _janitor: Janitor::hire(
                "ip link delete \"$1\"; ip netns delete \"$2\"",
                &[
                    format!("dw{}", port.number()),
                    format!("{NAME}{}-{}", std::process::id(), port.number()),
                ],
            )?,
            _port: port,
        };
        host.build()?;
        Ok(host)
    }

    fn build(&self) -> Result<()> {
        let Self {
            name,
            device,
            near,
            far,
            ..
        } = self;
        for line in [
            format!("ip netns add {name}"),
            format!("ip link add {device} type veth peer name eth0 netns {name}"),
            format!("ip link set {device} address {NEAR_CARD} up"),
            format!("ip address add {near}/30 dev {device}"),
            format!("ip -n {name} link set lo up"),
            format!("ip -n {name} link set eth0 address {FAR_CARD} up"),
            format!("ip -n {name} address add {far}/30 dev eth0"),
        ] {
            root::run(&line)?;
        }
        self.heal()
    }

    /// Its address, reached from this machine alone.
    pub fn address(&self) -> Ipv4Addr {
        self.far
    }

    /// The name of its namespace.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Lets every packet in either direction vanish: no answer, no reset, no error.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn cut(&self) -> Result<()> {
        self.cards(NO_CARD, NO_CARD)
    }

    /// Ends [`Host::cut`].
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn heal(&self) -> Result<()> {
        self.cards(FAR_CARD, NEAR_CARD)
    }

    /// To which cards the two ends send.
    fn cards(&self, far: &str, near: &str) -> Result<()> {
        let neighbour = |of: &str, address: Ipv4Addr, card: &str, device: &str| {
            root::run(&format!(
                "ip {of}neigh replace {address} lladdr {card} dev {device} nud permanent"
            ))
        };
        neighbour("", self.far, far, &self.device)?;
        neighbour(&format!("-n {} ", self.name), self.near, near, "eth0")?;
        Ok(())
    }

    /// Limits what goes to the host to a rate in kilobits per second. What comes from it has no
    /// limit.
    ///
    /// # Errors
    /// When `tc` fails.
    pub fn limit(&self, kilobits: u32) -> Result<()> {
        let device = &self.device;
        root::run(&format!(
            "tc qdisc replace dev {device} root tbf rate {kilobits}kbit burst 32kb latency 400ms"
        ))?;
        Ok(())
    }

    /// How many bytes were sent to the host since its start, with all that frames take.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn sent_bytes(&self) -> Result<u64> {
        let path = format!("/sys/class/net/{}/statistics/tx_bytes", self.device);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Ok(text.trim().parse()?)
    }

    /// Which of this machine's processors handle what arrives over the link, on this end and on
    /// the host's, as network cards of two machines would: otherwise the kernel lets whoever sends
    /// do the receiver's work (receive packet steering, the kernel's `networking/scaling.rst`).
    /// Numbered from 0.
    ///
    /// # Errors
    /// When the kernel cannot.
    pub fn receive_on(&self, here: &[usize], there: &[usize]) -> Result<()> {
        let mask = |processors: &[usize]| {
            let bits = processors
                .iter()
                .fold(0_u32, |bits, number| bits | 1 << number);
            format!("{bits:x}")
        };
        let (name, device) = (&self.name, &self.device);
        let steer = |before: &[&str], device: &str, processors: &[usize]| {
            let file = format!("/sys/class/net/{device}/queues/rx-0/rps_cpus");
            let script = format!("echo {} > {file}", mask(processors));
            root::run_words(&[before, &["sh", "-c", &script]].concat())
        };
        steer(&[], device, here)?;
        steer(&["ip", "netns", "exec", name], "eth0", there)?;
        Ok(())
    }

    /// A rate in bytes a second, less than 500 GB, as [`Host::limit`] takes it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is less than the type holds, and not negative"
    )]
    pub fn kilobits(bytes: f64) -> u32 {
        (bytes * 8.0 / 1_000.0) as u32
    }

    /// Ends [`Host::limit`].
    ///
    /// # Errors
    /// When there was no limit.
    pub fn unlimit(&self) -> Result<()> {
        root::run(&format!("tc qdisc delete dev {} root", self.device))?;
        Ok(())
    }
}

/// The addresses of one link, made of a number that is ours: in 198.18.0.0/16, which is for tests
/// and in no network (RFC 2544), four for each link.
fn address(port: &Port, end: u8) -> Ipv4Addr {
    let [third, fourth] = (port.number() % 0x4000 * 4).to_be_bytes();
    Ipv4Addr::new(198, 18, third, fourth + end)
}

/// Hosts whose processes were killed together with whoever tidies up behind them.
fn remove_leftovers() -> Result<()> {
    for line in root::run("ip netns list")?.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let owner = name
            .strip_prefix(NAME)
            .and_then(|rest| rest.split_once('-'));
        if let Some((process, port)) = owner
            && !Path::new("/proc").join(process).exists()
        {
            // Somebody else may be about to do the same.
            let _ = root::run(&format!("ip link delete dw{port}"));
            let _ = root::run(&format!("ip netns delete {name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use nix::sched::{CloneFlags, setns};

    use super::*;

    /// Answers each connection by what comes in, on the host.
    fn echo(host: &Host) -> (Ipv4Addr, u16) {
        let (name, far) = (host.name().to_owned(), host.address());
        let listening = std::thread::spawn(move || {
            let namespace = File::open(Path::new("/var/run/netns").join(name)).unwrap();
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            let listener = TcpListener::bind((far, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            std::thread::spawn(move || {
                for connection in listener.incoming().map_while(Result::ok) {
                    std::thread::spawn(move || std::io::copy(&mut &connection, &mut &connection));
                }
            });
            port
        });
        (far, listening.join().unwrap())
    }

    /// How long a piece of this many bytes takes there and back.
    fn round_trip(connection: &mut TcpStream, bytes: usize) -> std::io::Result<Duration> {
        let start = Instant::now();
        let mut writing = connection.try_clone()?;
        let writer = std::thread::spawn(move || writing.write_all(&vec![7; bytes]));
        connection.read_exact(&mut vec![0; bytes])?;
        writer.join().unwrap()?;
        Ok(start.elapsed())
    }

    #[test]
    fn a_cut_link_swallows_and_a_healed_one_goes_on() {
        let host = Host::start().unwrap();
        let address = echo(&host);
        let mut connection = TcpStream::connect(address).unwrap();
        let wait = Some(Duration::from_millis(500));
        connection.set_read_timeout(wait).unwrap();
        round_trip(&mut connection, 1).unwrap();

        host.cut().unwrap();
        let error = round_trip(&mut connection, 1).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
        let limit = Duration::from_secs(1);
        let error = TcpStream::connect_timeout(&address.into(), limit).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");

        host.heal().unwrap();
        TcpStream::connect_timeout(&address.into(), Duration::from_secs(10)).unwrap();
        connection.set_read_timeout(None).unwrap();
        round_trip(&mut connection, 1).unwrap();
    }

    #[test]
    fn a_limited_link_takes_its_time() {
        let host = Host::start().unwrap();
        let mut connection = TcpStream::connect(echo(&host)).unwrap();
        host.limit(4_000).unwrap();
        // 1 MB at half a megabyte per second, less what the limit lets through at once.
        let before = host.sent_bytes().unwrap();
        let slow = round_trip(&mut connection, 1_000_000).unwrap();
        let sent = host.sent_bytes().unwrap() - before;
        assert!((1_000_000..1_200_000).contains(&sent), "{sent}");
        assert!(slow > Duration::from_millis(1_500), "{slow:?}");
        host.unlimit().unwrap();
        let quick = round_trip(&mut connection, 1_000_000).unwrap();
        assert!(
            quick < slow / 2,
            "{quick:?} without a limit, {slow:?} with one"
        );
    }

    /// How often each processor was told by another one that something has arrived.
    fn told() -> Vec<u64> {
        let text = std::fs::read_to_string("/proc/net/softnet_stat").unwrap();
        let column = |line: &str| u64::from_str_radix(line.split(' ').nth(9)?, 16).ok();
        text.lines().filter_map(column).collect()
    }

    #[test]
    fn what_arrives_is_handled_where_it_was_said() {
        let last = std::thread::available_parallelism().unwrap().get() - 1;
        assert!(last > 0, "with one processor there is no choice");
        let host = Host::start().unwrap();
        let mut connection = TcpStream::connect(echo(&host)).unwrap();
        host.receive_on(&[0], &[last]).unwrap();
        let before = told();
        round_trip(&mut connection, 1_000_000).unwrap();
        let after = told();
        assert!(after[last] > before[last], "{before:?} {after:?}");
    }

    #[test]
    fn nothing_of_a_host_is_left() {
        let host = Host::start().unwrap();
        let (name, device) = (host.name().to_owned(), host.device.clone());
        drop(host);
        assert!(!root::run("ip netns list").unwrap().contains(&name));
        assert!(!root::run("ip link show").unwrap().contains(&device));
    }
}
