// Writes and reads a _metadata with Flink's own classes: Savepoint (1.9 and 1.10).
// It changes nothing on the way.
package goldens;

import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.savepoint.Savepoint;
import org.apache.flink.runtime.checkpoint.savepoint.SavepointV2;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;

final class Store {
    static void write(Snapshot snapshot, OutputStream out) throws IOException {
        SavepointV2 savepoint =
                new SavepointV2(snapshot.checkpointId, snapshot.operators, snapshot.masters);
        Checkpoints.storeCheckpointMetadata(savepoint, out);
    }

    /** The directory is that of the _metadata, against which relative paths are resolved. */
    static Snapshot read(byte[] bytes, Path directory) throws IOException {
        Savepoint loaded =
                Checkpoints.loadCheckpointMetadata(
                        new DataInputStream(new ByteArrayInputStream(bytes)),
                        Store.class.getClassLoader());
        return new Snapshot(
                null,
                loaded.getCheckpointId(),
                loaded.getOperatorStates(),
                loaded.getMasterStates());
    }

    private Store() {}
}
