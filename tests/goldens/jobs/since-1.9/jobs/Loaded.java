// The states that Flink's loader finds, in Flink 1.9 and 1.10: nothing is relative.
package jobs;

import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.Collection;

final class Loaded {
    static Collection<OperatorState> operators(byte[] metadata, String pointer)
            throws IOException {
        return Checkpoints.loadCheckpointMetadata(
                        new DataInputStream(new ByteArrayInputStream(metadata)),
                        Loaded.class.getClassLoader())
                .getOperatorStates();
    }

    private Loaded() {}
}
