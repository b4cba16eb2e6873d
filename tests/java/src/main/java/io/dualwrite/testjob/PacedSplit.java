package io.dualwrite.testjob;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Where the source stands; or, in the enumerator's state, that its only split is with a reader. */
final class PacedSplit implements SourceSplit {

    static final PacedSplit ASSIGNED = new PacedSplit(-1);

    private final long next;

    PacedSplit(long next) {
        this.next = next;
    }

    long next() {
        return next;
    }

    boolean isAssigned() {
        return next < 0;
    }

    @Override
    public String splitId() {
        return "all";
    }

    /** Eight bytes. */
    static final class Serializer implements SimpleVersionedSerializer<PacedSplit> {

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(PacedSplit split) {
            return ByteBuffer.allocate(8).putLong(split.next).array();
        }

        @Override
        public PacedSplit deserialize(int version, byte[] bytes) throws IOException {
            if (version != 1 || bytes.length != 8) {
                throw new IOException("not a split of this source: version " + version);
            }
            return new PacedSplit(ByteBuffer.wrap(bytes).getLong());
        }
    }
}
