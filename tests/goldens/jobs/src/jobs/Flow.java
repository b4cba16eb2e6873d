// The jobs that run: all have two subtasks, sixteen key groups, state in files and state inline.
package jobs;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

enum Flow {
    /** A source that never ends, two operators with keyed state and one with list state. */
    PLAIN,
    /** The source is far too fast, so data is in flight always. */
    CONGESTED,
    /** Besides, a source that has ended, and one of which one subtask has ended. */
    ENDING,
    /** A source with a coordinator (FLIP-27). */
    COORDINATED;

    void build(StreamExecutionEnvironment env) {
        env.setParallelism(2);
        env.setMaxParallelism(16);
        DataStream<String> texts;
        if (this == COORDINATED) {
            texts = Sequence.in(env);
        } else if (this == CONGESTED) {
            texts = source(env, "numbers", new Numbers(1000, 0, 0));
        } else {
            texts = source(env, "numbers", new Numbers(0, 20, 0));
        }
        if (this == ENDING) {
            texts = texts.union(
                    source(env, "ended", new Numbers(0, 20, 2)),
                    source(env, "half-ended", new Numbers(0, 20, 1)));
        }
        texts.keyBy(new Remainder())
                .process(new Keyed(400, this == CONGESTED ? 10 : 0))
                .returns(Types.STRING)
                .name("bulky")
                .uid("bulky-uid")
                .keyBy(new Remainder())
                .process(new Keyed(0, 0))
                .returns(Types.STRING)
                .name("brief")
                .uid("brief-uid")
                .map(new Listed())
                .name("listed")
                .uid("listed-uid");
    }

    private static DataStream<String> source(
            StreamExecutionEnvironment env, String name, Numbers numbers) {
        return env.addSource(numbers, name, Types.STRING).uid(name + "-uid");
    }

    private static final class Remainder implements KeySelector<String, Integer> {
        private static final long serialVersionUID = 1L;

        @Override
        public Integer getKey(String text) {
            return (int) (Text.number(text) % 8);
        }
    }
}
