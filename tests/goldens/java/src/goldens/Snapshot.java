// What one _metadata says, in types that every Flink has. It has no opinion about any of it.
package goldens;

import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;

import java.util.Collection;

final class Snapshot {
    /** What Flink's CheckpointProperties tell apart; written as of 1.16 only. */
    enum Kind {
        RETAINED,
        UNCLAIMED,
        CANONICAL,
        NATIVE
    }

    final Kind kind;
    final long checkpointId;
    final Collection<OperatorState> operators;
    final Collection<MasterState> masters;

    Snapshot(
            Kind kind,
            long checkpointId,
            Collection<OperatorState> operators,
            Collection<MasterState> masters) {
        this.kind = kind;
        this.checkpointId = checkpointId;
        this.operators = operators;
        this.masters = masters;
    }
}
