// What Flink has had since some version: its cases, and how a listing walks its states. Features
// names those of the version.
package goldens;

import org.apache.flink.runtime.state.StateObject;

import java.util.Collections;
import java.util.List;

interface Feature {
    default List<Case> cases() {
        return Collections.emptyList();
    }

    /** Whether it knows the handle; then what the handle names has been listed. */
    default boolean list(StateObject handle, Listing listing) {
        return false;
    }
}
