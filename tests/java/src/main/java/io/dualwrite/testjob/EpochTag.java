package io.dualwrite.testjob;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

/**
 * Tags each record with its epoch: the id of the last checkpoint whose barrier it follows, plus
 * one. So what a checkpoint N covers has an epoch of at most N, and what comes after has a greater
 * one. It is chained to the sink, so that both see a barrier between the same two records.
 */
final class EpochTag implements MapFunction<String, Tuple2<Long, String>>, CheckpointedFunction {

    private transient long epoch;

    @Override
    public Tuple2<Long, String> map(String line) {
        return Tuple2.of(epoch, line);
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {
        epoch = context.getCheckpointId() + 1;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) {
        epoch = context.getRestoredCheckpointId().orElse(0) + 1;
    }
}
