// Flink 1.9 to 1.11 have no source of their own with a coordinator.
package jobs;

import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

final class Sequence {
    static DataStream<String> in(StreamExecutionEnvironment env) {
        throw new UnsupportedOperationException("no source with a coordinator before Flink 1.12");
    }

    private Sequence() {}
}
