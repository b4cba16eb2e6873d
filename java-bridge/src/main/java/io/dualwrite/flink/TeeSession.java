package io.dualwrite.flink;

import java.nio.ByteBuffer;
import javax.annotation.concurrent.GuardedBy;

/**
 * One file's way to the native library: copies bytes into leased chunks, hands full ones over, and
 * ends in a seal or a discard. Knows nothing of the primary, never throws, and holds its lock for
 * no longer than one copy.
 *
 * <p>Opened by the first byte. Once refused or abandoned it stays so: what follows is not copied,
 * and a seal tells the native library to backfill the file. One thread appends; any thread may
 * discard at any time. After a discard no byte is put into a chunk and no chunk is handed over,
 * because both happen under the lock that the discard takes.
 */
final class TeeSession {

    private enum State {
        UNOPENED,
        OPEN,
        ABANDONED,
        DISCARDED,
        SEALED
    }

    private final Native bridge;
    private final long job;
    private final int scope;
    private final long checkpointId;

    @GuardedBy("this")
    private State state = State.UNOPENED;

    @GuardedBy("this")
    private long session = Native.NONE;

    /** The leased chunk; not null exactly in state OPEN. */
    @GuardedBy("this")
    private ByteBuffer chunk;

    TeeSession(Native bridge, long job, int scope, long checkpointId) {
        this.bridge = bridge;
        this.job = job;
        this.scope = scope;
        this.checkpointId = checkpointId;
    }

    /** Copies one byte. */
    synchronized void append(int b) {
        try {
            if (ready()) {
                chunk.put((byte) b);
            }
        } catch (Throwable t) {
            giveUp(t);
        }
    }

    /** Copies {@code length} bytes; the lock is free between two chunks. */
    void append(byte[] bytes, int offset, int length) {
        int done = 0;
        while (done < length) {
            final int copied = appendSome(bytes, offset + done, length - done);
            if (copied == 0) {
                return;
            }
            done += copied;
        }
    }

    /** Copies what fits into the current chunk; returns 0 if nothing is to be copied any more. */
    private synchronized int appendSome(byte[] bytes, int offset, int length) {
        try {
            if (!ready()) {
                return 0;
            }
            final int fits = Math.min(length, chunk.remaining());
            chunk.put(bytes, offset, fits);
            return fits;
        } catch (Throwable t) {
            giveUp(t);
            return 0;
        }
    }

    /** The file is complete on the primary under this path. Without effect after a seal. */
    synchronized void seal(String path, long stateSize) {
        if (state == State.SEALED) {
            return;
        }
        final long ended = session;
        final int tail = chunk == null ? 0 : chunk.position();
        end(State.SEALED);
        try {
            bridge.seal(job, ended, tail, path, stateSize);
        } catch (Throwable t) {
            Faults.report("Telling the native library of a complete file", t);
        }
    }

    /**
     * There will be no such file on the primary. Without effect after a seal and when done before.
     */
    synchronized void discard() {
        if (state != State.SEALED) {
            discardAs(State.DISCARDED);
        }
    }

    /** Whether a chunk with room for a byte is leased; leases or hands over as needed. */
    @GuardedBy("this")
    private boolean ready() {
        if (state == State.OPEN) {
            return chunk.hasRemaining() || leased(bridge.handOver(session, chunk.position()));
        }
        if (state != State.UNOPENED) {
            return false;
        }
        session = bridge.openSession(job, scope, checkpointId);
        return leased(session == Native.NONE ? null : bridge.lease(session));
    }

    @GuardedBy("this")
    private boolean leased(ByteBuffer next) {
        chunk = next != null && next.hasRemaining() ? next : null;
        state = chunk == null ? State.ABANDONED : State.OPEN;
        return chunk != null;
    }

    @GuardedBy("this")
    private void giveUp(Throwable t) {
        discardAs(State.ABANDONED);
        Faults.report("Copying checkpoint bytes for the secondary", t);
    }

    @GuardedBy("this")
    private void discardAs(State end) {
        final long ended = session;
        end(end);
        try {
            if (ended != Native.NONE) {
                bridge.discard(ended);
            }
        } catch (Throwable t) {
            Faults.report("Telling the native library of a discarded file", t);
        }
    }

    @GuardedBy("this")
    private void end(State end) {
        state = end;
        session = Native.NONE;
        chunk = null;
    }
}
