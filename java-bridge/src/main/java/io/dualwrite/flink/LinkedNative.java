package io.dualwrite.flink;

import java.nio.ByteBuffer;

/** {@link Native} by the loaded library. Forwards each call, and does nothing else. */
final class LinkedNative implements Native {

    @Override
    public String version() {
        return NativeBridge.version();
    }

    @Override
    public long openJob(String[] settings) {
        return NativeBridge.openJob(settings);
    }

    @Override
    public long openSession(long job, int scope, long checkpointId) {
        return NativeBridge.openSession(job, scope, checkpointId);
    }

    @Override
    public ByteBuffer lease(long session) {
        return NativeBridge.lease(session);
    }

    @Override
    public ByteBuffer handOver(long session, int length) {
        return NativeBridge.handOver(session, length);
    }

    @Override
    public void seal(long job, long session, int tail, String path, long stateSize) {
        NativeBridge.seal(job, session, tail, path, stateSize);
    }

    @Override
    public void discard(long session) {
        NativeBridge.discard(session);
    }

    @Override
    public boolean offerMetadata(
            long job,
            long checkpointId,
            long triggeredAtMs,
            String pointer,
            byte[] metadata,
            int length) {
        return NativeBridge.offerMetadata(
                job, checkpointId, triggeredAtMs, pointer, metadata, length);
    }

    @Override
    public String[] pollLog(long timeoutMs, int max) {
        return NativeBridge.pollLog(timeoutMs, max);
    }

    @Override
    public String numbers() {
        return NativeBridge.numbers();
    }

    @Override
    public void shutdown(long timeoutMs) {
        NativeBridge.shutdown(timeoutMs);
    }
}
