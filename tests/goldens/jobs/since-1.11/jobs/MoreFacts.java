// Flink 1.11 to 1.13: there are data in flight, and coordinators.
package jobs;

import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.StateObject;

import java.util.Set;

final class MoreFacts {
    static void of(OperatorState operator, Set<String> facts) {
        if (operator.getCoordinatorState() != null) {
            facts.add(Facts.COORDINATOR);
        }
        for (OperatorSubtaskState subtask : operator.getStates()) {
            for (StateObject channel : subtask.getInputChannelState()) {
                facts.add(Facts.CHANNEL_INPUT);
                facts.add(channel.getClass().getSimpleName());
            }
            for (StateObject channel : subtask.getResultSubpartitionState()) {
                facts.add(Facts.CHANNEL_OUTPUT);
                facts.add(channel.getClass().getSimpleName());
            }
        }
    }

    private MoreFacts() {}
}
