package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Texts of one caller, which several batches may compute. {@link EmbedBatcher}'s thread takes them; whoever computed some tells. */
final class EmbedRequest {
    /** Characters from which on a text is a batch of its own, beside others: attention over it takes a second and more. */
    private static final int LONG_TEXT = 8_192;

    private final List<String> texts;
    private final EmbedOptions options;
    private final CompletableFuture<Embeddings> future = new CompletableFuture<>();
    private final float[][] vectors; // guarded by itself, like the next two
    private final int[] tokenCounts;
    private int computed;
    private int taken;

    EmbedRequest(List<String> texts, EmbedOptions options) {
        this.texts = texts;
        this.options = options;
        this.vectors = new float[texts.size()][];
        this.tokenCounts = new int[texts.size()];
    }

    List<String> texts() {
        return texts;
    }

    EmbedOptions options() {
        return options;
    }

    CompletableFuture<Embeddings> future() {
        return future;
    }

    /** Texts that nobody has taken, of a request that is still wanted. */
    int left() {
        return future.isDone() ? 0 : texts.size() - taken;
    }

    /** Whether the next text is computed alone. Who wants to know of progress means all of the request: that is computed alone, too. */
    boolean isNextLong() {
        return options.progress() != null || texts.get(taken).length() > LONG_TEXT;
    }

    /** The place of the next text, which is taken now. */
    int take() {
        return taken++;
    }

    /** Takes in a vector; the last one completes the future. */
    void tell(int place, float[] vector, int tokens) {
        synchronized (vectors) {
            vectors[place] = vector;
            tokenCounts[place] = tokens;
            if (++computed < vectors.length) {
                return;
            }
        }
        future.complete(new Embeddings(vectors, tokenCounts));
    }
}
