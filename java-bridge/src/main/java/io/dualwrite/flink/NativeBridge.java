package io.dualwrite.flink;

import java.nio.ByteBuffer;

/**
 * The native library's entry points, nothing else: no state, no policy, no checks. Everyone but
 * {@link LinkedNative} uses them through {@link Native}.
 *
 * <p>None throws and none blocks, but {@link #pollLog} and {@link #shutdown}, which only our own
 * threads call. A native failure returns the default (0, null, false). Handles are never 0; 0 means
 * none. Before the library is loaded, every call throws an {@link UnsatisfiedLinkError}.
 */
final class NativeBridge {

    private NativeBridge() {}

    /** The library's version; it must be the jar's. */
    static native String version();

    /**
     * Opens a job, or finds it again: the same job id and role give the same handle. Process-wide
     * settings are those of the first call.
     *
     * @param settings alternating names and values in base units (bytes, milliseconds, plain
     *     strings)
     * @return the job's handle, 0 if refused (the reason is in the log)
     */
    static native long openJob(String[] settings);

    /**
     * Opens a session for one file.
     *
     * @param scope 0 exclusive, 1 shared, 2 task-owned
     * @param checkpointId -1 where unknown
     * @return the session's handle, 0 if refused
     */
    static native long openSession(long job, int scope, long checkpointId);

    /**
     * Leases a chunk of native memory as a direct buffer, position 0, limit = capacity.
     *
     * @return null if none is free: the session is abandoned
     */
    static native ByteBuffer lease(long session);

    /**
     * Hands over the first {@code length} bytes of the leased chunk, which must not be touched
     * again, and leases another.
     *
     * @return null if none is free: the session is abandoned
     */
    static native ByteBuffer handOver(long session, int length);

    /**
     * The primary's file is complete: ends the session. A session that is 0 or abandoned queues the
     * file for backfill.
     *
     * @param tail bytes of the leased chunk to hand over, 0 if none is leased
     * @param path the file's final path on the primary
     * @param stateSize the file's length in bytes
     */
    static native void seal(long job, long session, int tail, String path, long stateSize);

    /**
     * There is no such file on the primary: ends the session. Harmless for 0 and for an ended
     * session.
     */
    static native void discard(long session);

    /**
     * Offers a checkpoint, after the primary's {@code _metadata} is durable.
     *
     * @param triggeredAtMs milliseconds since the epoch
     * @param pointer the checkpoint's external pointer (its directory)
     * @param metadata the bytes of {@code _metadata} are its first {@code length}
     * @return false if refused
     */
    static native boolean offerMetadata(
            long job,
            long checkpointId,
            long triggeredAtMs,
            String pointer,
            byte[] metadata,
            int length);

    /**
     * Waits up to {@code timeoutMs} for log lines.
     *
     * @return at most {@code max} lines, each {@code LEVEL\tlogger\tmessage}; empty if there are
     *     none
     */
    static native String[] pollLog(long timeoutMs, int max);

    /**
     * All numbers of the process, a line for each: its name in docs/metrics.md without {@code
     * dualwrite_}, the names and values of its labels but {@code job_name}, the value, parted by
     * tabs.
     *
     * @return empty before the first job is opened
     */
    static native String numbers();

    /** Finishes what can be finished within {@code timeoutMs}; nothing is accepted afterwards. */
    static native void shutdown(long timeoutMs);
}
