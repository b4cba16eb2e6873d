// The features of Flink 1.9 and 1.10: none beyond what every Flink has.
package goldens;

import java.util.Collections;
import java.util.List;

final class Features {
    static final List<Feature> ALL = Collections.emptyList();

    private Features() {}
}
