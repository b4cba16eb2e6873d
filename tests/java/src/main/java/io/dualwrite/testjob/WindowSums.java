package io.dualwrite.testjob;

import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.java.tuple.Tuple3;

/** Of one key in one window: how many records, the sum of their values, the last digest. */
final class WindowSums
        implements AggregateFunction<
                Tuple3<Long, Long, Long>, Tuple3<Long, Long, Long>, Tuple3<Long, Long, Long>> {

    @Override
    public Tuple3<Long, Long, Long> createAccumulator() {
        return Tuple3.of(0L, 0L, 0L);
    }

    @Override
    public Tuple3<Long, Long, Long> add(
            Tuple3<Long, Long, Long> record, Tuple3<Long, Long, Long> sums) {
        return Tuple3.of(sums.f0 + 1, sums.f1 + record.f1, record.f2);
    }

    @Override
    public Tuple3<Long, Long, Long> getResult(Tuple3<Long, Long, Long> sums) {
        return sums;
    }

    @Override
    public Tuple3<Long, Long, Long> merge(
            Tuple3<Long, Long, Long> left, Tuple3<Long, Long, Long> right) {
        throw new UnsupportedOperationException("tumbling windows do not merge");
    }
}
