// The states that Flink's loader finds, as of Flink 1.11: it is told where the metadata is, for
// what is relative to it.
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
                        Loaded.class.getClassLoader(),
                        pointer)
                .getOperatorStates();
    }

    private Loaded() {}
}
