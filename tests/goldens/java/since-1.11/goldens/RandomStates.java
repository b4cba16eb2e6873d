// Random states by Flink's own CheckpointTestUtils, from 1.11 to 1.13.
package goldens;

import org.apache.flink.runtime.checkpoint.metadata.CheckpointTestUtils;
import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;

import java.util.Collection;
import java.util.Random;

final class RandomStates {
    /** A base path makes it a savepoint, with relative paths. */
    static Collection<OperatorState> operators(Random random, boolean isSavepoint) {
        return CheckpointTestUtils.createOperatorStates(
                random, isSavepoint ? "file:///chk-42" : null, 4, 2);
    }

    static Collection<MasterState> masters(Random random) {
        return CheckpointTestUtils.createRandomMasterStates(random, 2);
    }

    private RandomStates() {}
}
