// What is in a loaded checkpoint, in a few words each, so that a case can say what it needs. It
// takes the states as Flink's loader made them and judges nothing.
package jobs;

import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;

final class Facts {
    static final String OPERATOR_FILE = "operator state in a file";
    static final String OPERATOR_INLINE = "operator state inline";
    static final String KEYED_FILE = "keyed state in a file";
    static final String KEYED_INLINE = "keyed state inline";
    static final String RAW_KEYED = "raw keyed state";
    static final String CHANNEL_INPUT = "input channel state";
    static final String CHANNEL_OUTPUT = "result subpartition state";
    static final String COORDINATOR = "coordinator state";
    static final String FINISHED_OPERATOR = "finished operator";
    static final String FINISHED_SUBTASK = "finished subtask of an operator that is not finished";
    static final String MATERIALIZED = "changelog with a materialized part";
    static final String NOT_MATERIALIZED = "changelog with a part not materialized";

    /** Besides those above, the simple name of each class of handle. */
    static Set<String> of(Collection<OperatorState> operators) {
        Set<String> facts = new TreeSet<>();
        for (OperatorState operator : operators) {
            for (OperatorSubtaskState subtask : operator.getStates()) {
                for (OperatorStateHandle handle : subtask.getManagedOperatorState()) {
                    boolean inline = inline(handle.getDelegateStateHandle());
                    facts.add(inline ? OPERATOR_INLINE : OPERATOR_FILE);
                    facts.add(handle.getClass().getSimpleName());
                }
                for (KeyedStateHandle handle : subtask.getManagedKeyedState()) {
                    keyed(handle, facts);
                }
                for (KeyedStateHandle handle : subtask.getRawKeyedState()) {
                    facts.add(RAW_KEYED);
                    facts.add(handle.getClass().getSimpleName());
                }
            }
            MoreFacts.of(operator, facts);
        }
        return facts;
    }

    static void keyed(KeyedStateHandle handle, Set<String> facts) {
        facts.add(handle.getClass().getSimpleName());
        if (handle instanceof KeyGroupsStateHandle) {
            boolean inline = inline(((KeyGroupsStateHandle) handle).getDelegateStateHandle());
            facts.add(inline ? KEYED_INLINE : KEYED_FILE);
        }
    }

    private static boolean inline(StreamStateHandle handle) {
        return handle instanceof ByteStreamStateHandle;
    }

    private Facts() {}
}
