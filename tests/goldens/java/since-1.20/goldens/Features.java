// The features of Flink from 1.20 on.
package goldens;

import java.util.Arrays;
import java.util.List;

final class Features {
    static final List<Feature> ALL =
            Arrays.asList(
                    new Unaligned(),
                    new Nested(),
                    new Finished(),
                    new Changelog(),
                    new NativeSavepoint(),
                    new Unclaimed(),
                    new Merging());

    private Features() {}
}
