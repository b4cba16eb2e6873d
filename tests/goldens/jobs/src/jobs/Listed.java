// An operator with list state of every kind of distribution, larger than what is kept inline.
package jobs;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.BroadcastState;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

final class Listed implements MapFunction<String, String>, CheckpointedFunction {
    private static final long serialVersionUID = 1L;

    private transient ListState<String> split;
    private transient ListState<String> union;
    private transient BroadcastState<Long, String> broadcast;
    private long number;

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        split = context.getOperatorStateStore()
                .getListState(new ListStateDescriptor<>("split", Types.STRING));
        union = context.getOperatorStateStore()
                .getUnionListState(new ListStateDescriptor<>("union", Types.STRING));
        broadcast = context.getOperatorStateStore()
                .getBroadcastState(
                        new MapStateDescriptor<>("broadcast", Types.LONG, Types.STRING));
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        split.clear();
        union.clear();
        for (int i = 0; i < 3; i++) {
            split.add(Text.of(number + i, 1000));
            union.add(Text.of(number - i, 1000));
        }
        broadcast.put(1L, Text.of(1, 1000));
    }

    @Override
    public String map(String text) {
        number = Text.number(text);
        return text;
    }
}
