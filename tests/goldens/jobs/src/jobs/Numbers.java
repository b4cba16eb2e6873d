// A source that counts, with its position in the operator's list state. It can end, in all of its
// subtasks or in the first ones.
package jobs;

import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

final class Numbers extends LegacySource implements CheckpointedFunction {
    private static final long serialVersionUID = 1L;

    private final int padding;
    private final long pause;
    private final int ending;
    private transient ListState<Long> state;
    private long next;
    private volatile boolean stopped;

    /** @param ending so many of the first subtasks end after ten numbers, the others never do */
    Numbers(int padding, long pause, int ending) {
        this.padding = padding;
        this.pause = pause;
        this.ending = ending;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        state = context.getOperatorStateStore()
                .getListState(new ListStateDescriptor<>("position", Types.LONG));
        for (Long position : state.get()) {
            next = position;
        }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        state.clear();
        state.add(next);
    }

    @Override
    public void run(SourceContext<String> out) throws Exception {
        while (!stopped && (next < 10 || subtask() >= ending)) {
            synchronized (out.getCheckpointLock()) {
                out.collect(Text.of(next++, padding));
            }
            Thread.sleep(pause);
        }
    }

    @Override
    public void cancel() {
        stopped = true;
    }
}
