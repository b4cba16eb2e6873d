package io.dualwrite.flink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;

/**
 * A primary's stream in memory, whose next call can be made to do something else first, such as to
 * throw or to wait.
 */
final class ScriptedStream extends CheckpointStateOutputStream {

    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    volatile Callable<Void> before = () -> null;
    volatile boolean closed;

    private void call() throws IOException {
        try {
            before.call();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void write(int b) throws IOException {
        call();
        failIfClosed();
        bytes.write(b);
    }

    @Override
    public void write(byte[] b, int offset, int length) throws IOException {
        call();
        failIfClosed();
        bytes.write(b, offset, length);
    }

    @Override
    public StreamStateHandle closeAndGetHandle() throws IOException {
        call();
        failIfClosed();
        closed = true;
        return new FileStateHandle(new Path("file:///primary/file"), bytes.size());
    }

    @Override
    public long getPos() throws IOException {
        call();
        return bytes.size();
    }

    @Override
    public void flush() throws IOException {
        call();
    }

    @Override
    public void sync() throws IOException {
        call();
    }

    @Override
    public void close() throws IOException {
        closed = true;
    }

    private void failIfClosed() throws IOException {
        if (closed) {
            throw new IOException("closed");
        }
    }
}
