// The source function's base class, where it is as of Flink 2.0.
package jobs;

import org.apache.flink.streaming.api.functions.source.legacy.RichParallelSourceFunction;

abstract class LegacySource extends RichParallelSourceFunction<String> {
    private static final long serialVersionUID = 1L;

    int subtask() {
        return getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
    }
}
