package io.dualwrite.testjob;

import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** One line of the result: window start, key, count, sum, digest (hexadecimal). */
final class WindowLines
        extends ProcessWindowFunction<Tuple3<Long, Long, Long>, String, Long, TimeWindow> {

    @Override
    public void process(
            Long key,
            Context context,
            Iterable<Tuple3<Long, Long, Long>> sums,
            Collector<String> out) {
        for (Tuple3<Long, Long, Long> sum : sums) {
            String digest = Long.toHexString(sum.f2);
            out.collect(
                    context.window().getStart()
                            + ("," + key + "," + sum.f0 + "," + sum.f1 + "," + digest));
        }
    }
}
