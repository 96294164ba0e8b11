package dev.magnet;

import java.io.Serial;
import java.security.Provider;
import java.security.SecureRandomSpi;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/**
 * Numbers for names of temporary files where Java cannot ask the system for any: under Wine, whose network interfaces Java's own
 * generators would look at. Not secure. {@code scripts/platforms.py} makes it the first provider.
 */
public final class EmulatedRandom extends Provider {
    @Serial
    private static final long serialVersionUID = 1;

    public EmulatedRandom() {
        super("EmulatedRandom", "1", "numbers that are not secure");
        put("SecureRandom.EmulatedRandom", Generator.class.getName());
    }

    /** Made by the provider. */
    public static final class Generator extends SecureRandomSpi {
        @Serial
        private static final long serialVersionUID = 1;

        private static final AtomicLong SEED = new AtomicLong(System.nanoTime() ^ ProcessHandle.current().pid() << 40);

        private final transient RandomGenerator random = new java.util.SplittableRandom(SEED.incrementAndGet());

        @Override
        protected synchronized void engineNextBytes(byte[] bytes) {
            random.nextBytes(bytes);
        }

        @Override
        protected void engineSetSeed(byte[] seed) {}

        @Override
        protected byte[] engineGenerateSeed(int count) {
            byte[] seed = new byte[count];
            engineNextBytes(seed);
            return seed;
        }
    }
}
