// Flink's own source of numbers, whose coordinator has splits to hand out and remembers them.
package jobs;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

final class Sequence {
    static DataStream<String> in(StreamExecutionEnvironment env) {
        return env.fromSource(
                        new NumberSequenceSource(0, 1_000_000_000L),
                        WatermarkStrategy.noWatermarks(),
                        "sequence")
                .uid("sequence-uid")
                .map(new Slowly());
    }

    /** It is chained to the source, so no data piles up between them. */
    private static final class Slowly implements MapFunction<Long, String> {
        private static final long serialVersionUID = 1L;

        @Override
        public String map(Long number) throws Exception {
            Thread.sleep(5);
            return Text.of(number, 0);
        }
    }

    private Sequence() {}
}
