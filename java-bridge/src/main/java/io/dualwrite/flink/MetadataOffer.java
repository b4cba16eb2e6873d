package io.dualwrite.flink;

/**
 * One checkpoint's identity on the JobManager, and how its metadata is offered to the native
 * library. Never throws.
 */
final class MetadataOffer {

    private final Native bridge;
    private final long job;
    private final long checkpointId;
    private final long triggeredAtMs;

    /**
     * @param triggeredAtMs milliseconds since the epoch
     */
    MetadataOffer(Native bridge, long job, long checkpointId, long triggeredAtMs) {
        this.bridge = bridge;
        this.job = job;
        this.checkpointId = checkpointId;
        this.triggeredAtMs = triggeredAtMs;
    }

    /** A refusal is counted and logged by the native library. */
    void make(String pointer, byte[] metadata, int length) {
        try {
            bridge.offerMetadata(job, checkpointId, triggeredAtMs, pointer, metadata, length);
        } catch (Throwable t) {
            Faults.report("Offering the metadata of a checkpoint", t);
        }
    }
}
