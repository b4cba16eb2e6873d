// As of Flink 1.15: savepoints are canonical or native, and who restores says whose the files are.
package jobs;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;

import java.util.concurrent.CompletableFuture;

final class Snapshots {
    static CompletableFuture<String> savepoint(
            MiniCluster cluster, JobID job, String directory, boolean canonical) {
        SavepointFormatType format =
                canonical ? SavepointFormatType.CANONICAL : SavepointFormatType.NATIVE;
        return cluster.triggerSavepoint(job, directory, false, format);
    }

    /** The path and the mode are in the configuration. */
    static SavepointRestoreSettings restore(String path, Configuration configuration) {
        return SavepointRestoreSettings.fromConfiguration(configuration);
    }

    private Snapshots() {}
}
