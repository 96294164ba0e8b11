package dev.magnet.spark;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Part;
import dev.magnet.ScoreOptions;
import dev.magnet.Scored;
import dev.magnet.Status;
import dev.magnet.Truncation;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** What a transformer does with the texts of a batch of rows: an outcome each, in order. Travels to the executors. */
sealed interface TextWork extends Serializable {
    /** {@code rows}: texts of the input columns, none of them null. */
    List<Outcome> run(Magnet magnet, List<List<String>> rows);

    /**
     * Does it with a text that nothing can be said against.
     *
     * @throws MagnetException for parameters that the model refuses, which are no fault of a row's
     */
    default void check(Magnet magnet) {}

    /** A vector a text. {@code instruction} null = the adapter's; {@code dimensions} 0 = all. */
    record Embed(@Nullable String instruction, boolean document, int dimensions, boolean truncate) implements TextWork {
        EmbedOptions options() {
            return EmbedOptions.defaults()
                    .withInstruction(instruction)
                    .withDocument(document)
                    .withDimensions(dimensions)
                    .withTruncate(truncate ? Truncation.HEAD : Truncation.ERROR);
        }

        @Override
        public void check(Magnet magnet) {
            magnet.embed("a", options());
        }

        @Override
        public List<Outcome> run(Magnet magnet, List<List<String>> rows) {
            List<String> texts = rows.stream().map(List::getFirst).toList();
            return Outcome.together(texts, some -> Arrays.asList(magnet.embed(some, options())));
        }
    }

    /** The log-probability of the second text behind the first. */
    record Score() implements TextWork {
        @Override
        public List<Outcome> run(Magnet magnet, List<List<String>> rows) {
            var items = rows.stream().map(row -> List.of(Part.text(row.get(0)), Part.filled(row.get(1)))).toList();
            return Outcome.together(items, some -> magnet.score(some, ScoreOptions.defaults()).stream()
                    .map(Scored::logprob)
                    .toList());
        }
    }

    /** A continuation. The same seed gives the same text, in a task that is repeated as well. */
    record Generate(int maxTokens, double temperature, long seed) implements TextWork {
        GenerateOptions options() {
            return GenerateOptions.defaults().withMaxTokens(maxTokens).withTemperature(temperature).withSeed(seed);
        }

        @Override
        public void check(Magnet magnet) {
            magnet.generate("a", options().withMaxTokens(1)).result();
        }

        @Override
        public List<Outcome> run(Magnet magnet, List<List<String>> rows) {
            List<CompletableFuture<Generated>> running = rows.stream()
                    .map(row -> magnet.generate(row.getFirst(), options()).async())
                    .toList();
            try {
                return running.stream().map(Generate::outcome).toList();
            } finally {
                running.forEach(one -> one.cancel(true)); // nothing, but for those behind one that failed the task
            }
        }

        private static Outcome outcome(CompletableFuture<Generated> running) {
            try {
                return Outcome.of(running.get().text());
            } catch (ExecutionException e) {
                if (e.getCause() instanceof MagnetException failure) {
                    return Outcome.failed(failure);
                }
                throw new IllegalStateException(e.getCause());
            } catch (InterruptedException e) { // Spark gives the task up
                Thread.currentThread().interrupt();
                throw new MagnetException(Status.CANCELLED, "interrupted while generating", e);
            }
        }
    }
}
