// As of Flink 1.12: the environment is made from a configuration.
package jobs;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

final class Environment {
    static StreamExecutionEnvironment of(Configuration configuration) {
        return StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    }

    private Environment() {}
}
