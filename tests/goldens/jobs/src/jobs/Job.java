// A job that runs on a cluster of its own, all in this JVM. It says which checkpoints are complete
// and takes savepoints; what is in them is not its business.
package jobs;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStats;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

final class Job implements AutoCloseable {
    private static final int SECONDS = 60;

    private final MiniCluster cluster;
    private final JobID id;

    /** @param restored the checkpoint or savepoint to begin with, or null */
    static Job run(Settings settings, Flow flow, String restored) throws Exception {
        Configuration configuration = settings.configuration();
        StreamExecutionEnvironment env = Environment.of(configuration);
        flow.build(env);
        JobGraph graph = env.getStreamGraph().getJobGraph();
        if (restored != null) {
            graph.setSavepointRestoreSettings(Snapshots.restore(restored, configuration));
        }
        Configuration ofCluster = new Configuration(configuration);
        ofCluster.setString("rest.bind-port", "0");
        ofCluster.setString("rest.address", "localhost");
        MiniCluster cluster = new MiniCluster(
                new MiniClusterConfiguration.Builder()
                        .setConfiguration(ofCluster)
                        .setNumTaskManagers(1)
                        .setNumSlotsPerTaskManager(2)
                        .build());
        try {
            cluster.start();
            cluster.submitJob(graph).get(SECONDS, TimeUnit.SECONDS);
        } catch (Exception | Error e) {
            cluster.close();
            throw e;
        }
        return new Job(cluster, graph.getJobID());
    }

    private Job(MiniCluster cluster, JobID id) {
        this.cluster = cluster;
        this.id = id;
    }

    JobID id() {
        return id;
    }

    /** The complete checkpoints and where they are. Savepoints are not among them. */
    Map<Long, String> checkpoints() throws Exception {
        if (isOver()) {
            throw new IllegalStateException("the job shall run on and does not");
        }
        Map<Long, String> pointers = new TreeMap<>();
        CheckpointStatsSnapshot stats =
                cluster.getExecutionGraph(id)
                        .get(SECONDS, TimeUnit.SECONDS)
                        .getCheckpointStatsSnapshot();
        if (stats == null) {
            return pointers;
        }
        for (AbstractCheckpointStats one : stats.getHistory().getCheckpoints()) {
            if (one instanceof CompletedCheckpointStats) {
                String pointer = ((CompletedCheckpointStats) one).getExternalPath();
                if (pointer.endsWith("/chk-" + one.getCheckpointId())) {
                    pointers.put(one.getCheckpointId(), pointer);
                }
            }
        }
        return pointers;
    }

    String savepoint(String directory, boolean canonical) throws Exception {
        return Snapshots.savepoint(cluster, id, directory, canonical)
                .get(SECONDS, TimeUnit.SECONDS);
    }

    private boolean isOver() throws Exception {
        return cluster.getJobStatus(id).get(SECONDS, TimeUnit.SECONDS).isGloballyTerminalState();
    }

    /** Cancels the job, whose checkpoints stay, and ends the cluster. */
    @Override
    public void close() throws Exception {
        try {
            if (!isOver()) {
                cluster.cancelJob(id).get(SECONDS, TimeUnit.SECONDS);
            }
            cluster.requestJobResult(id).get(SECONDS, TimeUnit.SECONDS);
        } finally {
            cluster.close();
        }
    }
}
