package io.dualwrite.testjob;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

/**
 * Gives every record its key by the source's number and its value by a count of its own, held in
 * operator list state: if the two came apart, the sums would show it. Runs with parallelism 1.
 */
final class Numbering implements MapFunction<Long, Tuple2<Long, Long>>, CheckpointedFunction {

    private final long keys;
    private transient ListState<Long> state;
    private transient long count;

    Numbering(long keys) {
        this.keys = keys;
    }

    @Override
    public Tuple2<Long, Long> map(Long ordinal) {
        return Tuple2.of(Mix.key(ordinal, keys), Mix.value(count++));
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        state.clear();
        state.add(count);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        state =
                context.getOperatorStateStore()
                        .getListState(new ListStateDescriptor<>("count", Long.class));
        for (Long restored : state.get()) {
            count = restored;
        }
    }
}
