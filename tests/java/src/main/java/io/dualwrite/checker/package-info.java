/** The judge of checkpoints, on Flink's and Hadoop's own classes alone. */
package io.dualwrite.checker;
