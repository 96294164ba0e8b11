package dev.magnet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** A text that a tiny model learns something from in seconds, and options that fit it. */
final class TinyTraining {
    static final String INSTRUCTION = "Represent: ";

    private TinyTraining() {}

    /** Sentences of few words, a paragraph of three each. */
    static Path writeText(Path file) throws IOException {
        String[] subjects = {"The cat", "A dog", "My friend", "The old man"};
        String[] verbs = {"sat on", "looked at", "ran to", "slept under"};
        String[] objects = {"the mat", "a tree", "the house", "the table"};
        var random = new Random(7);
        var text = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            text.append(subjects[random.nextInt(4)]).append(' ').append(verbs[random.nextInt(4)]).append(' ')
                    .append(objects[random.nextInt(4)]).append(i % 3 == 2 ? ".\n\n" : ". ");
        }
        return Files.writeString(file, text);
    }

    /** Four steps of all objectives, on rows that the tiny models can read. */
    static TrainOptions options(Path text) {
        TrainOptions defaults = TrainOptions.defaults();
        return defaults.withTexts(text)
                .withSteps(4)
                .withRows(defaults.rows().withBatch(4).withLength(64).withMaxSpans(2).withOpenRoom(24))
                .withContrast(defaults.contrast().withBatch(4).withLength(32).withInstruction(INSTRUCTION))
                .withLora(defaults.lora().withRank(8))
                .withOptimizer(defaults.optimizer().withLearningRate(0.02).withWarmup(2))
                .withHeldout(defaults.heldout().withEvery(5))
                .withThreads(2);
    }
}
