package io.dualwrite.flink;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import javax.annotation.concurrent.GuardedBy;
import org.apache.flink.api.common.JobID;

/**
 * The names of the jobs that this process has heard of, for those whose hooks know ids alone: no
 * interface of Flink's checkpoint storage tells a name (1.15 to 2.3). Filled by {@link
 * DualWriteMetricReporter}. Bounded: a session cluster sees very many jobs.
 */
final class JobNames {

    private static final int AT_MOST = 4096;

    @GuardedBy("JobNames.class")
    private static final Map<String, String> NAMES =
            new LinkedHashMap<String, String>() {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
                    return size() > AT_MOST;
                }
            };

    private JobNames() {}

    /**
     * @param jobId as Flink writes it, 32 hexadecimal digits
     */
    static synchronized void heard(String jobId, String name) {
        NAMES.putIfAbsent(jobId, name);
    }

    static synchronized Optional<String> of(JobID jobId) {
        return Optional.ofNullable(NAMES.get(jobId.toHexString()));
    }
}
