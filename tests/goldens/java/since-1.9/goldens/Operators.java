// Makes and reads Flink's OperatorState: up to 1.10 coordinators have no state.
package goldens;

import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

final class Operators {
    static OperatorState of(String name, String uid, OperatorID id, int parallelism) {
        return new OperatorState(id, parallelism, 128);
    }

    /** The same operator under another id, without its subtasks. */
    static OperatorState like(OperatorState state, OperatorID id) {
        return of("", "", id, state.getParallelism());
    }

    static String name(OperatorState operator) {
        return "";
    }

    static String uid(OperatorState operator) {
        return "";
    }

    static boolean isFinished(OperatorState operator) {
        return false;
    }

    static StreamStateHandle coordinator(OperatorState operator) {
        return null;
    }

    static void setCoordinator(OperatorState operator, ByteStreamStateHandle state) {}

    private Operators() {}
}
