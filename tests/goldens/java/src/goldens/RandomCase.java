// Cases of what Flink tests its own serializers with: random states from a seed. They have no
// absolute paths, but many forms of every state.
package goldens;

import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.jobgraph.OperatorID;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

final class RandomCase {
    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (int seed = 1; seed <= 3; seed++) {
            int one = seed;
            cases.add(new Case("random-checkpoint-" + seed, root -> random(one, false)));
            cases.add(new Case("random-savepoint-" + seed, root -> random(one, true)));
        }
        return cases;
    }

    private static Snapshot random(int seed, boolean isSavepoint) {
        Random random = new Random(seed);
        List<OperatorState> states = new ArrayList<>();
        for (OperatorState state : RandomStates.operators(random, isSavepoint)) {
            states.add(withId(new OperatorID(seed, states.size()), state));
        }
        return new Snapshot(Snapshot.Kind.RETAINED, seed, states, RandomStates.masters(random));
    }

    /** The same state under an id that is not drawn at random. */
    private static OperatorState withId(OperatorID id, OperatorState state) {
        OperatorState copy = Operators.like(state, id);
        state.getSubtaskStates().forEach(copy::putState);
        return copy;
    }

    private RandomCase() {}
}
