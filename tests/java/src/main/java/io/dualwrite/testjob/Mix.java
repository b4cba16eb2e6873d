package io.dualwrite.testjob;

/**
 * The arithmetic of the job, so simple that the tests compute the same in another language. No
 * randomness, no clock.
 */
final class Mix {

    /** How many payloads each key holds at a time. */
    static final int SLOTS = 4;

    private Mix() {}

    /** The finalizer of SplitMix64: every bit of the result depends on every bit of {@code x}. */
    static long mix(long x) {
        long z = x + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** The key of the record with this ordinal. */
    static long key(long ordinal, long keys) {
        return Long.remainderUnsigned(mix(ordinal), keys);
    }

    /** The value of the record with this ordinal; small enough that sums do not overflow. */
    static long value(long ordinal) {
        return mix(~ordinal) >>> 32;
    }

    /** The incompressible bytes that the {@code count}-th record of a key leaves in its slot. */
    static byte[] payload(long key, long count, int bytes) {
        byte[] payload = new byte[bytes];
        long seed = mix(key ^ mix(count));
        for (int word = 0; word < bytes / 8; word++) {
            long bits = mix(seed + word);
            for (int i = 0; i < 8; i++) {
                payload[word * 8 + i] = (byte) (bits >>> (8 * i));
            }
        }
        return payload;
    }

    /** Depends on every whole word of the payload and on their order. */
    static long checksum(byte[] payload) {
        long sum = 0;
        for (int word = 0; word < payload.length / 8; word++) {
            long bits = 0;
            for (int i = 0; i < 8; i++) {
                bits |= (payload[word * 8 + i] & 0xFFL) << (8 * i);
            }
            sum = mix(sum ^ bits);
        }
        return sum;
    }
}
