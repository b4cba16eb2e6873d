// Makes the UUIDs that Flink draws at random the same in every run, so that goldens can be compared
// with `git diff`. It must be asked before the first UUID is drawn.
package goldens;

import java.security.Provider;
import java.security.SecureRandomSpi;
import java.security.Security;
import java.util.Random;

/** {@code UUID.randomUUID} draws from the SecureRandom of the first provider: from this one. */
public final class Repeatable extends SecureRandomSpi {
    private static final Random RANDOM = new Random();

    static {
        Provider provider = new Provider("Repeatable", "1", "the same numbers in every run") {};
        provider.put("SecureRandom.Repeatable", Repeatable.class.getName());
        Security.insertProviderAt(provider, 1);
    }

    static void restart(String seed) {
        RANDOM.setSeed(seed.hashCode());
    }

    @Override
    protected void engineSetSeed(byte[] seed) {}

    @Override
    protected void engineNextBytes(byte[] bytes) {
        RANDOM.nextBytes(bytes);
    }

    @Override
    protected byte[] engineGenerateSeed(int length) {
        return new byte[length];
    }
}
