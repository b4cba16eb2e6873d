package io.dualwrite.flink;

import java.nio.ByteBuffer;

/**
 * What the wrappers need of the native library, so that tests can put something else in its place.
 * The contract of each method is told in {@link NativeBridge}. An implementation may throw; who
 * calls it guards the call.
 */
interface Native {

    int SCOPE_EXCLUSIVE = 0;
    int SCOPE_SHARED = 1;
    int SCOPE_TASK_OWNED = 2;

    /** The checkpoint id of a file that belongs to no single checkpoint. */
    long UNKNOWN_CHECKPOINT = -1;

    /** The handle of nothing. */
    long NONE = 0;

    String version();

    long openJob(String[] settings);

    long openSession(long job, int scope, long checkpointId);

    ByteBuffer lease(long session);

    ByteBuffer handOver(long session, int length);

    void seal(long job, long session, int tail, String path, long stateSize);

    void discard(long session);

    boolean offerMetadata(
            long job,
            long checkpointId,
            long triggeredAtMs,
            String pointer,
            byte[] metadata,
            int length);

    String[] pollLog(long timeoutMs, int max);

    String numbers();

    void shutdown(long timeoutMs);
}
