//! A plan as the command lines that do by hand what an apply does (`flink run`). Pure. Refuses to
//! say what a Flink before 1.15 would not understand.

use crate::{Jar, Plan, PlannedJob};

/// The line of each job, in the plan's order.
pub fn lines(plan: &Plan) -> Vec<String> {
    let host = plan.target.flink.as_deref().map(host);
    let line = |job: &PlannedJob| line(job, host.as_deref());
    plan.jobs.iter().map(line).collect()
}

fn host(address: &str) -> String {
    let address = address.strip_prefix("http://").unwrap_or(address);
    address.trim_end_matches('/').to_owned()
}

fn line(job: &PlannedJob, host: Option<&str>) -> String {
    let launch = job.launch.as_ref();
    let mut words: Vec<String> = ["flink", "run", "-d"].map(str::to_owned).into();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if let Some(host) = host {
        add(&["-m", host]);
    }
    add(&["-s", &job.checkpoint.path]);
    if let Some(launch) = launch {
        let mode = launch.claim_mode.as_str();
        // The old name, which 1.20 and 2.x know, too.
        add(&[&format!("-Dexecution.savepoint-restore-mode={mode}")]);
        for (key, value) in &launch.configuration {
            add(&[&format!("-D{key}={value}")]);
        }
        if launch.allow_non_restored_state {
            add(&["-n"]);
        }
        if let Some(parallelism) = launch.parallelism {
            add(&["-p", &parallelism.to_string()]);
        }
        if let Some(class) = &launch.entry_class {
            add(&["-c", class]);
        }
        match &launch.jar {
            Jar::File(path) => add(&[&path.to_string_lossy()]),
            Jar::Uploaded(id) => add(&[id]),
        }
        for arg in &launch.args {
            add(&[arg]);
        }
    } else {
        add(&["JAR"]);
    }
    // Refuses nothing but a NUL, which no word of a command line can have.
    let words = words.iter().map(|word| word.replace('\0', ""));
    let words: Vec<_> = words.collect();
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn a_line_can_be_typed_as_it_is() {
        let expected = "flink run -d -m west:8081 -s \
                        hdfs://nn2:8020/cp/a1b2c3d4e5f60718293a4b5c6d7e8f90/chk-42 \
                        '-Dexecution.savepoint-restore-mode=NO_CLAIM' '-Da=1' -p 8 -c \
                        io.example.Payments /srv/jobs/payments.jar --name \"it's\"";
        assert_eq!(lines(&plan()), [expected]);
    }

    #[test]
    fn what_is_not_known_is_left_to_be_filled_in() {
        let mut plan = plan();
        plan.target.flink = None;
        plan.jobs[0].launch = None;
        let expected = "flink run -d -s \
                        hdfs://nn2:8020/cp/a1b2c3d4e5f60718293a4b5c6d7e8f90/chk-42 JAR";
        assert_eq!(lines(&plan), [expected]);
    }
}
