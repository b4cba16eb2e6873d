// Random states by Flink's own CheckpointTestUtils, in 1.9 and 1.10 without files.
package goldens;

import org.apache.flink.runtime.checkpoint.savepoint.CheckpointTestUtils;
import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;

import java.util.Collection;
import java.util.Random;

final class RandomStates {
    /** A savepoint is no different. */
    static Collection<OperatorState> operators(Random random, boolean isSavepoint) {
        return CheckpointTestUtils.createOperatorStates(random, 4, 2);
    }

    static Collection<MasterState> masters(Random random) {
        return CheckpointTestUtils.createRandomMasterStates(random, 2);
    }

    private RandomStates() {}
}
