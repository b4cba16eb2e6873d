// Flink 1.11: the environment takes a configuration once it is there.
package jobs;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

final class Environment {
    static StreamExecutionEnvironment of(Configuration configuration) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment();
        env.configure(configuration, Environment.class.getClassLoader());
        return env;
    }

    private Environment() {}
}
