package io.dualwrite.testjob;

import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Keeps a count, a digest and some payloads for each key. The digest takes in every value and every
 * payload that is replaced, so that lost, doubled or stale state shows in it for ever.
 */
final class Payloads
        extends KeyedProcessFunction<Long, Tuple2<Long, Long>, Tuple3<Long, Long, Long>> {

    private final int payloadBytes;
    private transient ValueState<Tuple2<Long, Long>> countAndDigest;
    private transient MapState<Integer, byte[]> slots;

    Payloads(int payloadBytes) {
        this.payloadBytes = payloadBytes;
    }

    @Override
    public void processElement(
            Tuple2<Long, Long> record, Context context, Collector<Tuple3<Long, Long, Long>> out)
            throws Exception {
        findState();
        Tuple2<Long, Long> before = countAndDigest.value();
        long count = before == null ? 0 : before.f0;
        long digest = before == null ? 0 : before.f1;
        int slot = (int) (count % Mix.SLOTS);
        byte[] replaced = slots.get(slot);
        long checksum = replaced == null ? 0 : Mix.checksum(replaced);
        digest = Mix.mix(Mix.mix(digest ^ record.f1) ^ (checksum + count));
        slots.put(slot, Mix.payload(record.f0, count, payloadBytes));
        countAndDigest.update(Tuple2.of(count + 1, digest));
        out.collect(Tuple3.of(record.f0, record.f1, digest));
    }

    /** Not in {@code open}, whose signature differs between Flink's versions. */
    private void findState() {
        if (slots == null) {
            countAndDigest =
                    getRuntimeContext()
                            .getState(
                                    new ValueStateDescriptor<>(
                                            "count-and-digest",
                                            Types.TUPLE(Types.LONG, Types.LONG)));
            slots =
                    getRuntimeContext()
                            .getMapState(
                                    new MapStateDescriptor<>(
                                            "slots",
                                            Types.INT,
                                            PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
        }
    }
}
