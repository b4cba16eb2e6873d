//! Where checkpoints are and where their copies go: two directories that do not touch, on two
//! clusters, and a place on the secondary for all that a checkpoint names.

use audit::is_name_service;
use checkpoint_layout::{Aliases, Mapping};

use super::storage::new_name;
use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::places::{ALIASES, PATH_MAPPING, PRIMARY_DIR, SECONDARY_DIR, Setting, Site};
use crate::value::boolean;

const CHANGELOG_DIR: &str = "dstl.dfs.base-path";

pub(crate) fn places(given: &Given, report: &mut Report) {
    let primary = primary(given, report);
    let secondary = secondary(given, report);
    if let (Some(primary), Some(secondary)) = (&primary, &secondary) {
        apart(primary, secondary, report);
        if !primary.overlaps(secondary) {
            let mapping = mapping(given, primary, secondary, report);
            changelog(given, mapping.as_ref(), report);
        }
    }
}

fn primary(given: &Given, report: &mut Report) -> Option<Site> {
    let name = if given
        .version
        .is_some_and(|version| (version.major, version.minor) < (1, 19))
    {
        PRIMARY_DIR
    } else {
        Setting::DIR.name(given.version)
    };
    let Some(site) = Site::primary(given) else {
        report.looked(Area::Primary, "no directory");
        if given.conf.text(PRIMARY_DIR).is_some() {
            // Found among the values already.
            return None;
        }
        let set = Setting::DIR.of(&given.conf, given.version);
        if let (None, Some(dir)) = (&set, given.conf.text(Setting::DIR.new)) {
            new_name(Setting::DIR, &format!("{name}: {dir}"), report);
            return None;
        }
        let message = match set {
            Some((key, dir)) => format!("{key}: '{dir}' is no directory on a cluster."),
            None => "No checkpoint directory is set, and no job starts that does not set one \
                     itself."
                .to_owned(),
        };
        let fix = format!("Set {name}: hdfs://<host:port or nameservice>/flink/checkpoints");
        report.found(Kind::NoPrimary, Some(name), message, fix);
        return None;
    };
    let Site { key, location, .. } = &site;
    report.looked(Area::Primary, format!("{key}: {location}"));
    match location.scheme() {
        "hdfs" => {}
        "file" => report.found(
            Kind::LocalPrimary,
            Some(key),
            format!("{key} is on local disk, which serves for trying out."),
            "Set it to a directory on HDFS where checkpoints are to outlive a machine.",
        ),
        scheme => report.found(
            Kind::PrimaryScheme,
            Some(key),
            format!(
                "{key} is on {scheme}, which the product does not read: what is missed at first is \
                 never copied, and checkpoints that name it are not published."
            ),
            format!("Set {key} to a directory on hdfs://"),
        ),
    }
    hadoop_conf(
        &site,
        Kind::PrimaryHadoopConf,
        "dualwrite.primary.hadoop-conf-dir",
        report,
    );
    Some(site)
}

fn secondary(given: &Given, report: &mut Report) -> Option<Site> {
    let Some(text) = given.conf.text(SECONDARY_DIR) else {
        report.looked(Area::Secondary, "no directory");
        report.found(
            Kind::NoSecondary,
            Some(SECONDARY_DIR),
            "There is no secondary: nothing is copied.",
            format!("Set {SECONDARY_DIR}: hdfs://<host:port or nameservice>/flink/checkpoints"),
        );
        return None;
    };
    report.looked(Area::Secondary, format!("{SECONDARY_DIR}: {text}"));
    // What is not accepted was found among the values already.
    let site = Site::secondary(given)?;
    if site.location.scheme() == "file" {
        report.found(
            Kind::LocalSecondary,
            Some(SECONDARY_DIR),
            "The secondary is on local disk, which serves for trying out.",
            "Set it to a directory on another HDFS.",
        );
    }
    let key = "dualwrite.secondary.hadoop-conf-dir";
    hadoop_conf(&site, Kind::SecondaryHadoopConf, key, report);
    nameservice(given, &site, key, report);
    Some(site)
}

/// The directory must have the files; which values are in them, only their cluster can say.
fn hadoop_conf(site: &Site, kind: Kind, key: &str, report: &mut Report) {
    let dir = site.hadoop_conf_dir.as_deref();
    let Some(dir) = dir.filter(|dir| dir.is_absolute()) else {
        return;
    };
    if let Err(why) = is_name_service(dir, site.location.authority()) {
        let message = format!("{key} cannot be used on this machine: {why}.");
        let fix = "Put core-site.xml and hdfs-site.xml there, on every JobManager and TaskManager.";
        report.found(kind, Some(key), message, fix);
    }
}

/// A name without a port is a nameservice where a configuration says so, and a host elsewhere.
fn nameservice(given: &Given, site: &Site, key: &str, report: &mut Report) {
    let name = site.location.authority();
    if site.location.scheme() != "hdfs" || name.contains(':') {
        return;
    }
    let dir = site.hadoop_conf_dir.as_deref();
    let dir = dir.or(given.hadoop_conf_dir.as_deref());
    if matches!(
        dir.map(|dir| is_name_service(dir, name)),
        Some(Ok(true) | Err(_))
    ) {
        return;
    }
    let what = match dir {
        Some(dir) => format!("The configuration in {} names no", dir.display()),
        None => "There is no configuration that names a".to_owned(),
    };
    report.found(
        Kind::HostOrNameservice,
        Some(SECONDARY_DIR),
        format!("{what} nameservice {name}: it is taken for a host, port 8020."),
        format!("If it is a nameservice, set {key} to a directory that has it."),
    );
}

fn apart(primary: &Site, secondary: &Site, report: &mut Report) {
    let overlaps = primary.overlaps(secondary);
    let (primary, secondary) = (&primary.location, &secondary.location);
    if overlaps {
        report.found(
            Kind::Overlap,
            Some(SECONDARY_DIR),
            format!(
                "{secondary} and the primary's {primary} are one in the other: nothing is copied."
            ),
            format!("Set {SECONDARY_DIR} to a directory on another cluster."),
        );
    } else if primary.scheme() == "hdfs" && primary.same_cluster(secondary) {
        report.found(
            Kind::SameCluster,
            Some(SECONDARY_DIR),
            format!("{secondary} is on the primary's own cluster: both are lost together."),
            format!("Set {SECONDARY_DIR} to a directory on another cluster."),
        );
    }
}

/// The names and pairs as the product puts them together.
fn mapping(
    given: &Given,
    primary: &Site,
    secondary: &Site,
    report: &mut Report,
) -> Option<Mapping> {
    let (primary, secondary) = (&primary.location, &secondary.location);
    let mut refuse = |key: &str, why: String| {
        let message = format!("{key} cannot be used: {why}. With it nothing is copied.");
        report.found(
            Kind::BadMapping,
            Some(key),
            message,
            format!("Correct {key}."),
        );
    };
    let aliases = Aliases::new(primary, secondary, given.conf.list(ALIASES));
    let aliases = aliases
        .map_err(|why| refuse(ALIASES, why.to_string()))
        .ok()?;
    let pairs = given.conf.list(PATH_MAPPING);
    let mapping = Mapping::new(primary, secondary, aliases, pairs);
    mapping
        .map_err(|why| refuse(PATH_MAPPING, why.to_string()))
        .ok()
}

/// Files of the changelog are named by checkpoints and written past their streams.
fn changelog(given: &Given, mapping: Option<&Mapping>, report: &mut Report) {
    let is_on = Setting::CHANGELOG.of(&given.conf, given.version);
    let is_on = is_on.is_some_and(|(_, value)| boolean(&value) == Some(true));
    let (true, Some(dir), Some(mapping)) = (is_on, given.conf.text(CHANGELOG_DIR), mapping) else {
        return;
    };
    let place = mapping.aliases().resolve(&dir).ok();
    if place
        .and_then(|place| mapping.to_secondary(&place))
        .is_none()
    {
        report.found(
            Kind::OutsideMapping,
            Some(CHANGELOG_DIR),
            format!(
                "The changelog's files in {dir} have no place on the secondary: no checkpoint \
                 that names one is published there."
            ),
            format!("Add the pair {dir}=<a directory on the secondary> to {PATH_MAPPING}"),
        );
    }
}
