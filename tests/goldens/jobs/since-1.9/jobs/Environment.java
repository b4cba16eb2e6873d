// Flink 1.9 and 1.10: when checkpoints are taken is set in the job's code.
package jobs;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.CheckpointConfig.ExternalizedCheckpointCleanup;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

final class Environment {
    static StreamExecutionEnvironment of(Configuration configuration) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment();
        env.enableCheckpointing(250);
        env.getCheckpointConfig()
                .enableExternalizedCheckpoints(
                        ExternalizedCheckpointCleanup.RETAIN_ON_CANCELLATION);
        return env;
    }

    private Environment() {}
}
