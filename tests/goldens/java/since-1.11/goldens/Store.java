// Writes and reads a _metadata with Flink's own classes: CheckpointMetadata (1.11 to 1.15).
// It changes nothing on the way.
package goldens;

import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;

final class Store {
    static void write(Snapshot snapshot, OutputStream out) throws IOException {
        CheckpointMetadata metadata =
                new CheckpointMetadata(
                        snapshot.checkpointId, snapshot.operators, snapshot.masters);
        Checkpoints.storeCheckpointMetadata(metadata, out);
    }

    /** The directory is that of the _metadata, against which relative paths are resolved. */
    static Snapshot read(byte[] bytes, Path directory) throws IOException {
        CheckpointMetadata loaded =
                Checkpoints.loadCheckpointMetadata(
                        new DataInputStream(new ByteArrayInputStream(bytes)),
                        Store.class.getClassLoader(),
                        directory.toUri().toString());
        return new Snapshot(
                null,
                loaded.getCheckpointId(),
                loaded.getOperatorStates(),
                loaded.getMasterStates());
    }

    private Store() {}
}
