// A checkpoint after a restore without claim: it differs in its properties alone.
package goldens;

import java.util.Collections;
import java.util.List;

final class Unclaimed implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(
                new Case(
                        "unclaimed",
                        root -> Case.of(Snapshot.Kind.UNCLAIMED, Case.rocks(new Handles(root)))));
    }
}
