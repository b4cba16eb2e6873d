/** A job that proves exactly-once by its result, whatever the storage of its checkpoints. */
package io.dualwrite.testjob;
