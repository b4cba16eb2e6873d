// Flink 1.9 to 1.14: there is one format of savepoints, and one way to restore.
package jobs;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;

import java.util.concurrent.CompletableFuture;

final class Snapshots {
    static CompletableFuture<String> savepoint(
            MiniCluster cluster, JobID job, String directory, boolean canonical) {
        return cluster.triggerSavepoint(job, directory, false);
    }

    static SavepointRestoreSettings restore(String path, Configuration configuration) {
        return SavepointRestoreSettings.forPath(path, false);
    }

    private Snapshots() {}
}
