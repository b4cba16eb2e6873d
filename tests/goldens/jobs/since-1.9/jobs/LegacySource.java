// The source function's base class, where it is in Flink 1.x.
package jobs;

import org.apache.flink.streaming.api.functions.source.RichParallelSourceFunction;

abstract class LegacySource extends RichParallelSourceFunction<String> {
    private static final long serialVersionUID = 1L;

    int subtask() {
        return getRuntimeContext().getIndexOfThisSubtask();
    }
}
