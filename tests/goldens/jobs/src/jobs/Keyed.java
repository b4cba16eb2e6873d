// An operator with keyed state of the size wanted, and a timer for each key that never fires.
package jobs;

import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

final class Keyed extends KeyedProcessFunction<Integer, String, String>
        implements CheckpointedFunction {
    private static final long serialVersionUID = 1L;
    private static final long FAR_AWAY = 4_000_000_000_000L; // in the year 2096

    private final int padding;
    private final long pause;
    private transient ValueState<String> last;
    private transient MapState<Long, Long> remainders;

    /** @param padding the size of each key's state, 0 for as little as can be */
    Keyed(int padding, long pause) {
        this.padding = padding;
        this.pause = pause;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        last = context.getKeyedStateStore()
                .getState(new ValueStateDescriptor<>("last", Types.STRING));
        remainders = context.getKeyedStateStore()
                .getMapState(new MapStateDescriptor<>("remainders", Types.LONG, Types.LONG));
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {}

    @Override
    public void processElement(String text, Context context, Collector<String> out)
            throws Exception {
        long number = Text.number(text);
        last.update(Text.of(number, padding));
        remainders.put(number % 2, number);
        context.timerService().registerProcessingTimeTimer(FAR_AWAY);
        Thread.sleep(pause);
        out.collect(text);
    }
}
