package io.dualwrite.testjob;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.functions.sink.filesystem.BucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer;

/**
 * A directory for each epoch, so that whoever restores checkpoint N can cut the result back to it
 * by deleting the directories of later epochs, as the operator of a transactional sink would.
 */
final class EpochBuckets implements BucketAssigner<Tuple2<Long, String>, String> {

    @Override
    public String getBucketId(Tuple2<Long, String> line, Context context) {
        return "epoch-" + line.f0;
    }

    @Override
    public SimpleVersionedSerializer<String> getSerializer() {
        return SimpleVersionedStringSerializer.INSTANCE;
    }
}
