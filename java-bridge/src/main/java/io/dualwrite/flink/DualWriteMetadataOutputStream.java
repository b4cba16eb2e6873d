package io.dualwrite.flink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.flink.runtime.state.CheckpointMetadataOutputStream;
import org.apache.flink.runtime.state.CompletedCheckpointStorageLocation;

/**
 * Flink's own metadata stream, keeping what the primary took. Once the primary has made the
 * metadata durable, the bytes are offered; Flink gets the primary's own location, which it may put
 * into its high-availability store. Flink holds the checkpoint coordinator's lock here, so nothing
 * but memory is touched on the secondary's account.
 *
 * <p>Offers nothing after a failure of the primary, or if the bytes do not fit into memory.
 */
final class DualWriteMetadataOutputStream extends CheckpointMetadataOutputStream {

    private final CheckpointMetadataOutputStream primary;
    private final MetadataOffer offer;

    /** Null once there is nothing to be offered any more. */
    private Captured captured = new Captured();

    DualWriteMetadataOutputStream(CheckpointMetadataOutputStream primary, MetadataOffer offer) {
        this.primary = primary;
        this.offer = offer;
    }

    @Override
    public void write(int b) throws IOException {
        try {
            primary.write(b);
        } catch (Throwable t) {
            captured = null;
            throw t;
        }
        final Captured into = captured;
        try {
            if (into != null) {
                into.write(b);
            }
        } catch (Throwable t) {
            drop(t);
        }
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            primary.write(bytes, offset, length);
        } catch (Throwable t) {
            captured = null;
            throw t;
        }
        final Captured into = captured;
        try {
            if (into != null) {
                into.write(bytes, offset, length);
            }
        } catch (Throwable t) {
            drop(t);
        }
    }

    @Override
    public long getPos() throws IOException {
        return primary.getPos();
    }

    @Override
    public void flush() throws IOException {
        primary.flush();
    }

    @Override
    public void sync() throws IOException {
        primary.sync();
    }

    @Override
    public CompletedCheckpointStorageLocation closeAndFinalizeCheckpoint() throws IOException {
        final CompletedCheckpointStorageLocation completed = primary.closeAndFinalizeCheckpoint();
        final Captured all = captured;
        captured = null;
        try {
            if (all != null) {
                offer.make(completed.getExternalPointer(), all.bytes(), all.size());
            }
        } catch (Throwable t) {
            drop(t);
        }
        return completed;
    }

    @Override
    public void close() throws IOException {
        captured = null;
        primary.close();
    }

    private void drop(Throwable t) {
        captured = null;
        Faults.report("Keeping the metadata of a checkpoint", t);
    }

    /** Gives its bytes away without copying them. */
    private static final class Captured extends ByteArrayOutputStream {

        Captured() {
            super(16 * 1024);
        }

        byte[] bytes() {
            return buf;
        }
    }
}
