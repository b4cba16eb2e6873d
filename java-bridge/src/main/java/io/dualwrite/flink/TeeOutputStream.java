package io.dualwrite.flink;

import java.io.IOException;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;

/**
 * Flink's own state stream with a copy of its bytes for the secondary. Every call goes to the
 * primary first and returns or throws what the primary does; the copy follows only what the primary
 * took. Adds no buffering, and holds no lock during a call to the primary.
 *
 * <p>{@link #close} may come from another thread during a write, twice, or after the handle was
 * taken.
 */
final class TeeOutputStream extends CheckpointStateOutputStream {

    private final CheckpointStateOutputStream primary;
    private final TeeSession tee;

    TeeOutputStream(CheckpointStateOutputStream primary, TeeSession tee) {
        this.primary = primary;
        this.tee = tee;
    }

    @Override
    public void write(int b) throws IOException {
        try {
            primary.write(b);
        } catch (Throwable t) {
            tee.discard();
            throw t;
        }
        tee.append(b);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            primary.write(bytes, offset, length);
        } catch (Throwable t) {
            tee.discard();
            throw t;
        }
        tee.append(bytes, offset, length);
    }

    @Override
    public long getPos() throws IOException {
        return primary.getPos();
    }

    @Override
    public void flush() throws IOException {
        try {
            primary.flush();
        } catch (Throwable t) {
            tee.discard();
            throw t;
        }
    }

    @Override
    public void sync() throws IOException {
        try {
            primary.sync();
        } catch (Throwable t) {
            tee.discard();
            throw t;
        }
    }

    /**
     * The primary's handle, unchanged. Only a {@link FileStateHandle} is a file with a name of its
     * own (so since Flink 1.9); no handle at all, or one that carries its bytes, leaves nothing for
     * the secondary to keep.
     */
    @Override
    public StreamStateHandle closeAndGetHandle() throws IOException {
        final StreamStateHandle handle;
        try {
            handle = primary.closeAndGetHandle();
        } catch (Throwable t) {
            tee.discard();
            throw t;
        }
        seal(handle);
        return handle;
    }

    @Override
    public void close() throws IOException {
        try {
            primary.close();
        } finally {
            tee.discard();
        }
    }

    private void seal(StreamStateHandle handle) {
        try {
            if (handle instanceof FileStateHandle) {
                final FileStateHandle file = (FileStateHandle) handle;
                tee.seal(file.getFilePath().toString(), file.getStateSize());
            } else {
                tee.discard();
            }
        } catch (Throwable t) {
            tee.discard();
            Faults.report("Reading the name of a complete file", t);
        }
    }
}
