// As of Flink 1.14: there are data in flight, coordinators, changelogs, and what has finished.
package jobs;

import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle;

import java.util.Set;

final class MoreFacts {
    static void of(OperatorState operator, Set<String> facts) {
        if (operator.getCoordinatorState() != null) {
            facts.add(Facts.COORDINATOR);
        }
        if (operator.isFullyFinished()) {
            facts.add(Facts.FINISHED_OPERATOR);
            return;
        }
        for (OperatorSubtaskState subtask : operator.getStates()) {
            if (subtask.isFinished()) {
                facts.add(Facts.FINISHED_SUBTASK);
            }
            for (StateObject channel : subtask.getInputChannelState()) {
                facts.add(Facts.CHANNEL_INPUT);
                facts.add(channel.getClass().getSimpleName());
            }
            for (StateObject channel : subtask.getResultSubpartitionState()) {
                facts.add(Facts.CHANNEL_OUTPUT);
                facts.add(channel.getClass().getSimpleName());
            }
            for (KeyedStateHandle handle : subtask.getManagedKeyedState()) {
                if (handle instanceof ChangelogStateBackendHandle) {
                    changelog((ChangelogStateBackendHandle) handle, facts);
                }
            }
        }
    }

    private static void changelog(ChangelogStateBackendHandle changelog, Set<String> facts) {
        for (KeyedStateHandle handle : changelog.getMaterializedStateHandles()) {
            facts.add(Facts.MATERIALIZED);
            Facts.keyed(handle, facts);
        }
        for (KeyedStateHandle handle : changelog.getNonMaterializedStateHandles()) {
            facts.add(Facts.NOT_MATERIALIZED);
            Facts.keyed(handle, facts);
        }
    }

    private MoreFacts() {}
}
