// The features of Flink 1.14.
package goldens;

import java.util.Arrays;
import java.util.List;

final class Features {
    static final List<Feature> ALL =
            Arrays.asList(
                    new Unaligned(),
                    new Nested(),
                    new Finished(),
                    new Changelog());

    private Features() {}
}
