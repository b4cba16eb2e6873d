// The features of Flink 1.11 and 1.12.
package goldens;

import java.util.Arrays;
import java.util.List;

final class Features {
    static final List<Feature> ALL = Arrays.asList(new Unaligned());

    private Features() {}
}
