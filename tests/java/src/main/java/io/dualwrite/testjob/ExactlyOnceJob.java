package io.dualwrite.testjob;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.Encoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/**
 * A job whose result shows whether each record counted exactly once. The result depends on nothing
 * but the arguments, whatever fails in between:
 *
 * <pre>
 * --records 40000 --rate 2000 --keys 2000 --payload-bytes 1024 --sink file:///tmp/out --name test
 * </pre>
 *
 * With {@code --burst <count>}, the rate has no limit for the first records; with {@code --pace
 * <file>}, it is what that file says once it is there, without a limit if it says nothing.
 *
 * <p>State backend, checkpoints and their retention are the cluster's to configure.
 */
public final class ExactlyOnceJob {

    /** Event time between two records. */
    private static final long RECORD_MILLIS = 10;

    private static final Duration WINDOW = Duration.ofSeconds(5);

    private ExactlyOnceJob() {}

    /** Builds and submits the job. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = parse(args);
        long keys = Long.parseLong(need(options, "keys"));
        int payloadBytes = Integer.parseInt(need(options, "payload-bytes"));
        PacedSource source =
                new PacedSource(
                        Long.parseLong(need(options, "records")),
                        Long.parseLong(options.getOrDefault("--burst", "0")),
                        Long.parseLong(need(options, "rate")),
                        options.get("--pace"));
        WatermarkStrategy<Long> watermarks =
                WatermarkStrategy.<Long>forMonotonousTimestamps()
                        .withTimestampAssigner((ordinal, none) -> ordinal * RECORD_MILLIS);

        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSource(source, watermarks, "source", Types.LONG)
                .uid("source")
                .setParallelism(1)
                .map(new Numbering(keys))
                .returns(Types.TUPLE(Types.LONG, Types.LONG))
                .uid("numbering")
                .setParallelism(1)
                .keyBy(record -> record.f0, Types.LONG)
                .process(new Payloads(payloadBytes))
                .returns(Types.TUPLE(Types.LONG, Types.LONG, Types.LONG))
                .uid("payloads")
                .keyBy(record -> record.f0, Types.LONG)
                .window(TumblingEventTimeWindows.of(WINDOW))
                .aggregate(
                        new WindowSums(),
                        new WindowLines(),
                        Types.TUPLE(Types.LONG, Types.LONG, Types.LONG),
                        Types.TUPLE(Types.LONG, Types.LONG, Types.LONG),
                        Types.STRING)
                .uid("windows")
                .map(new EpochTag())
                .returns(Types.TUPLE(Types.LONG, Types.STRING))
                .uid("epochs")
                .sinkTo(sink(need(options, "sink")))
                .uid("sink");
        env.execute(need(options, "name"));
    }

    private static FileSink<Tuple2<Long, String>> sink(String directory) {
        Encoder<Tuple2<Long, String>> encoder =
                (line, stream) -> {
                    stream.write(line.f1.getBytes(StandardCharsets.UTF_8));
                    stream.write('\n');
                };
        return FileSink.forRowFormat(new Path(directory), encoder)
                .withBucketAssigner(new EpochBuckets())
                .withRollingPolicy(OnCheckpointRollingPolicy.build())
                .build();
    }

    private static Map<String, String> parse(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        return options;
    }

    private static String need(Map<String, String> options, String name) {
        String value = options.get("--" + name);
        if (value == null) {
            throw new IllegalArgumentException("give --" + name + " and a value");
        }
        return value;
    }
}
