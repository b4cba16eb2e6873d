package io.dualwrite.flink;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.description.HtmlFormatter;
import org.apache.flink.util.TimeUtils;

/**
 * Writes the text of docs/configuration.md from the options. Knows nothing that is not said in
 * them, but the page's head.
 */
final class ConfigurationPage {

    private static final String HEAD =
            """
# Configuration

<!-- Generated from DualWriteOptions by ConfigurationPage in java-bridge/; do not edit. -->

All keys belong into Flink's own configuration file on every JobManager and TaskManager. With the
jar in `lib/`, three of them switch the product on:

```yaml
# conf/config.yaml, or conf/flink-conf.yaml before Flink 1.19
execution.checkpointing.storage: io.dualwrite.flink.DualWriteCheckpointStorageFactory
execution.checkpointing.dir: hdfs://primary/flink/checkpoints
dualwrite.secondary.dir: hdfs://secondary/flink/checkpoints
```

If `secondary` is a nameservice rather than a host, `dualwrite.secondary.hadoop-conf-dir` is
needed, too.

A fourth key gives jobs their names in the secondary's catalogue, by which `dualwrite list` and
`dualwrite switch` know them, and in the metrics. Without it they have ids alone, unless the
configuration has `pipeline.name`. It makes Flink tell the product of each metric's job, and puts
the product's numbers among Flink's own (see [metrics.md](metrics.md#in-flinks-own-metrics)), unless
the fifth is false. Where `metrics.reporters` lists reporters, add `dualwrite` to it.

```yaml
metrics.reporter.dualwrite.factory.class: io.dualwrite.flink.DualWriteMetricReporterFactory
metrics.reporter.dualwrite.numbers: true    # the default
```

- **Flink 1.19 and older** know the first two as `state.checkpoint-storage` and
  `state.checkpoints.dir`; newer ones still take these names.
- **Flink 1.13 to 1.18 ignore the first key, without a word, if `state.checkpoints.dir` is in the
  configuration with which the job is submitted** (in application mode that is the cluster's own).
  There, leave `state.checkpoints.dir` out and give the directory as `dualwrite.primary.dir`.
- A storage or checkpoint directory that the job sets in its own code comes before these keys up to
  Flink 1.20.
- Once the keys name the factory, the jar must stay in `lib/` on every machine: without it, Flink
  starts no job.
- **To switch the product off, set `dualwrite.enabled: false` and restart; do not remove the jar
  first.** Flink 1.20 and later keep the first key with each job that was submitted under it, in the
  high-availability store too. Taking it out of the configuration does not take it from such a job,
  and a JobManager that finds the job there but no jar in `lib/` ends, again and again. Remove the
  key as well, and the jar when every job was submitted anew. Checkpoints name no class of it.
- `execution.checkpointing.file-merging.enabled` has no effect while the product is on.

A value that is not accepted costs one ERROR in the log, with the key, the value and what is
accepted; the job then runs on Flink's own checkpoint storage, with no copy. The same holds, with
one WARN, if there is no `dualwrite.secondary.dir` or if the native library cannot be loaded.

Sizes and durations are written as everywhere in Flink (`64mb`, `30 s`). Keys under
`dualwrite.native` and those that speak of a process are read once per process: the first job
decides.

""";

    private ConfigurationPage() {}

    static String text() {
        final StringBuilder page = new StringBuilder(HEAD);
        page.append("| Key | Default | Type | Description |\n|---|---|---|---|\n");
        for (OptionRule<?> rule : DualWriteSettings.ALL) {
            final List<String> cells = new ArrayList<>();
            cells.add('`' + rule.option.key() + '`');
            cells.add(value(rule.option));
            cells.add(type(rule));
            cells.add(new HtmlFormatter().format(rule.option.description()) + accepted(rule));
            page.append("| ").append(String.join(" | ", cells)).append(" |\n");
        }
        return page.toString();
    }

    private static String value(ConfigOption<?> option) {
        final Object value = option.defaultValue();
        if (value == null) {
            return "(none)";
        }
        if (value instanceof MemorySize size) {
            return '`' + size.toString().replace(" ", "") + '`';
        }
        return '`'
                + (value instanceof Duration duration
                        ? TimeUtils.formatWithHighestUnit(duration)
                        : value.toString())
                + '`';
    }

    private static String type(OptionRule<?> rule) {
        final Object value = rule.option.defaultValue();
        if (rule.option == DualWriteOptions.PRIMARY_ALIASES
                || rule.option == DualWriteOptions.PATH_MAPPING) {
            return "List&lt;String&gt;";
        }
        if (rule.option == DualWriteOptions.BANDWIDTH_LIMIT) {
            return "MemorySize";
        }
        return value == null ? "String" : value.getClass().getSimpleName();
    }

    private static String accepted(OptionRule<?> rule) {
        return " Accepted: " + rule.accepted.replace("<", "&lt;").replace(">", "&gt;") + '.';
    }
}
