package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Every protocol, against the same numbers put together from embeddings, scores and generated text. */
@Timeout(120)
class EvaluateTest {
    private static final String[][] PAIRS = {
        {"5", "A man plays a guitar.", "Someone plays music."},
        {"0.5", "A dog runs.", "The stock market fell."},
        {"3", "Rain falls.", "It is wet outside."},
        {"2", "Two boys swim.", "Children are in the water."},
        {"1", "A cat.", "A very long train went through the valley."}
    };

    /** The middle one is the only sentence that can be left out. */
    private static final String[][] STORIES = {
        {"Tom lost a key.", "He looked for it.", "It was in the car."},
        {"The dog ran.", "It saw a cat.", "The cat hid."},
        {"Rain fell.", "The river rose.", "A bridge broke."}
    };

    private static Magnet magnet;

    @TempDir
    Path directory;

    @BeforeAll
    static void load() {
        magnet = TinyModel.loadExact(TinyModel.QWEN2);
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    private Path write(String name, String... lines) throws IOException {
        return Files.write(directory.resolve(name), List.of(lines));
    }

    private Path writeColumns(String name, String[]... rows) throws IOException {
        return write(name, Stream.of(rows).map(row -> String.join("\t", row)).toArray(String[]::new));
    }

    private static double[] cosines(EmbedOptions options) {
        return Stream.of(PAIRS)
                .mapToDouble(pair -> Similarity.cosine(magnet.embed(pair[1], options), magnet.embed(pair[2], options)))
                .toArray();
    }

    /** Of values that differ: 1 - 6 sum(d^2) / (n (n^2 - 1)), d the difference of ranks. */
    private static double spearman(double[] a, double[] b) {
        int n = a.length;
        double squares = IntStream.range(0, n)
                .mapToDouble(i -> Math.pow(rank(a, a[i]) - rank(b, b[i]), 2))
                .sum();
        return 1 - 6 * squares / (n * ((double) n * n - 1));
    }

    private static long rank(double[] values, double of) {
        return Arrays.stream(values).filter(value -> value < of).count();
    }

    @Test
    void stsCorrelatesTheCosinesOfEveryVariant() throws IOException {
        Evaluated result = magnet.evaluate(Evaluation.sts(writeColumns("pairs.tsv", PAIRS))
                .withPoolings(Pooling.LAST, Pooling.MEAN)
                .withAttentions(Attention.CAUSAL, Attention.BIDIRECTIONAL)
                .withInstruction("Text: "));
        assertEquals(4, result.figures().size());
        double[] gold = Stream.of(PAIRS).mapToDouble(pair -> Double.parseDouble(pair[0])).toArray();
        assertArrayEquals(gold, result.values("gold"));
        for (Pooling pooling : List.of(Pooling.LAST, Pooling.MEAN)) {
            for (Attention attention : List.of(Attention.CAUSAL, Attention.BIDIRECTIONAL)) {
                String variant = (attention + "." + pooling).toLowerCase();
                double[] expected = cosines(EmbedOptions.defaults()
                        .withPooling(pooling)
                        .withAttention(attention)
                        .withInstruction("Text: "));
                assertArrayEquals(expected, result.values("cosine." + variant), 1e-4);
                assertEquals(100 * spearman(expected, gold), result.figure("spearman." + variant).value(), 1e-9);
                assertEquals(5, result.figure("spearman." + variant).count());
            }
        }
        assertTrue(result.elapsed().isPositive());
    }

    @Test
    void withoutVariantsTheAdaptersOwnIsMeasured() throws IOException {
        Evaluated result = magnet.evaluate(Evaluation.sts(writeColumns("pairs.tsv", PAIRS)).withLimit(3));
        assertEquals(1, result.figures().size());
        assertEquals(3, result.figure("spearman.bidirectional.mean").count());
    }

    private static Scored score(InfillContext context, String left, String gap, String right) {
        List<Part> parts = context == InfillContext.LEFT
                ? List.of(Part.text(left), Part.filled(gap))
                : List.of(Part.text(left), Part.filled(gap), Part.text(right));
        return magnet.score(List.of(parts), ScoreOptions.defaults().withContext(context)).getFirst();
    }

    @Test
    void infillScoresTheGapUnderEveryContext() throws IOException {
        Evaluated result = magnet.evaluate(Evaluation.infill(writeColumns("stories.tsv", STORIES)));
        assertEquals(6, result.figures().size());
        for (InfillContext context : List.of(InfillContext.LEFT, InfillContext.HYBRID, InfillContext.ORDERED)) {
            String variant = context.name().toLowerCase();
            double logprob = 0;
            int tokens = 0;
            for (int i = 0; i < STORIES.length; i++) {
                String[] story = STORIES[i];
                Scored scored = score(context, story[0], " " + story[1], " " + story[2]);
                assertEquals(scored.logprob(), result.values("logprob." + variant)[i], 1e-3);
                logprob += scored.logprob();
                tokens += scored.spans().getFirst().tokens().size();
            }
            assertEquals(tokens, result.figure("perplexity." + variant).count());
            double expected = Math.exp(-logprob / tokens);
            assertEquals(expected, result.figure("perplexity." + variant).value(), 1e-4 * expected);
        }
    }

    @Test
    void openGapsMoveTheTextBehindThemAndAreJudgedByTheirEnd() throws IOException {
        var evaluation = Evaluation.infill(writeColumns("stories.tsv", STORIES));
        Evaluated exact = magnet.evaluate(evaluation);
        Evaluated open = magnet.evaluate(evaluation.withRoom(100));
        assertEquals(9, open.figures().size());
        assertEquals(STORIES.length, open.figure("end.ordered").count());
        assertEquals(exact.figure("perplexity.left").value(), open.figure("perplexity.left").value(), 1e-3);
        assertNotEquals(exact.figure("perplexity.ordered").value(), open.figure("perplexity.ordered").value(), 1e-3);
        assertEquals(
                open.figure("end.ordered").value(),
                Arrays.stream(open.values("ended.ordered")).average().orElseThrow(),
                1e-9);
    }

    @Test
    void spansHaveTheAskedLengthAndLieWhereTheSeedSays() throws IOException {
        var evaluation = Evaluation.infill(write("prose.txt", "one two three ".repeat(8), "four five six ".repeat(8)))
                .withContexts(InfillContext.ORDERED)
                .withGaps(InfillEvaluation.Gaps.spans(2, 5, 5));
        Evaluated result = magnet.evaluate(evaluation);
        assertEquals(2, result.figures().size());
        assertEquals(2 * 2 * 5, result.figure("perplexity.ordered").count());
        assertArrayEquals(new double[] {10, 10}, result.values("tokens"));
        assertArrayEquals(
                result.values("logprob.ordered"), magnet.evaluate(evaluation.withSeed(0)).values("logprob.ordered"));
        assertNotEquals(
                result.values("logprob.ordered")[0],
                magnet.evaluate(evaluation.withSeed(9)).values("logprob.ordered")[0]);
    }

    @Test
    void perplexityIsThatOfItsWindows() throws IOException {
        String text = "Tom lost his keys. ".repeat(20);
        var evaluation = Evaluation.perplexity(Files.writeString(directory.resolve("t.txt"), text)).withWindow(16);
        Evaluated result = magnet.evaluate(evaluation.withLimit(2));
        double[] windows = result.values("logprob");
        assertEquals(2, windows.length);
        assertEquals(30, result.figure("perplexity").count());
        assertEquals(Math.exp(-(windows[0] + windows[1]) / 30), result.figure("perplexity").value(), 1e-9);

        int[] tokens = magnet.tokenize(text);
        String first = magnet.detokenize(tokens[0]);
        String rest = magnet.detokenize(Arrays.copyOfRange(tokens, 1, 16));
        assertEquals(15, magnet.tokenize(rest).length, "the window's text has the tokens of the window");
        assertEquals(score(InfillContext.LEFT, first, rest, "").logprob(), windows[0], 1e-3);
        assertEquals(tokens.length / 16, magnet.evaluate(evaluation).values("logprob").length);
    }

    @Test
    void repetitionReadsTheContinuationsOfItsSeeds() throws IOException {
        var evaluation = Evaluation.repetition(write("p.txt", "one two three four", "short one", "five six seven eight"))
                .withPrefixWords(3)
                .withMaxTokens(30)
                .withSampling(Sampling.defaults().withTemperature(0.6))
                .withSeed(11);
        Evaluated result = magnet.evaluate(evaluation);
        String[] prefixes = {"one two three", "five six seven"};
        for (int i = 0; i < prefixes.length; i++) {
            GenerateOptions options = GenerateOptions.defaults()
                    .withMaxTokens(30)
                    .withSampling(evaluation.sampling().withSeed(11 + i));
            List<Integer> ids = magnet.generate(prefixes[i], options).result().span().tokens().stream()
                    .map(Token::id)
                    .toList();
            assertEquals(ids.size(), result.values("tokens")[i]);
            List<List<Integer>> grams = IntStream.rangeClosed(0, ids.size() - 4)
                    .mapToObj(at -> ids.subList(at, at + 4))
                    .toList();
            double repeated = 1 - (double) grams.stream().distinct().count() / grams.size();
            assertEquals(repeated, result.values("rep-4")[i], 1e-9);
        }
        assertEquals(2, result.figure("rep-sen").count());
    }

    @Test
    void probeLearnsWhatTheWordShows() throws IOException {
        List<String> train = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            train.addAll(List.of("ab N B O", "xyz V I O", "q D O " + (i % 2 == 0 ? "X" : "O"), ""));
        }
        Path file = Files.write(directory.resolve("train"), train);
        Evaluated result = magnet.evaluate(Evaluation.probe(file, file)
                .withTasks(ProbeEvaluation.Task.POS, ProbeEvaluation.Task.NER)
                .withAttentions(Attention.CAUSAL)
                .withWord(ProbeEvaluation.Word.LAST)
                .withL2(1e-3)
                .withLimit(50));
        assertEquals(1e-3, result.figure("l2.pos.causal").value(), 1e-9);
        assertEquals(4, result.figures().size());
        assertEquals(1, result.figure("accuracy.pos.causal").value(), 1e-9);
        assertEquals(150, result.figure("accuracy.pos.causal").count());
        double coin = result.figure("accuracy.ner.causal").value(); // two words of three are never X, the third is a coin
        assertEquals(5.0 / 6, coin, 1e-9);
    }

    @Test
    void choiceTakesTheLikeliestOption() throws IOException {
        String[] options = {"blue", "a very long story", "q"};
        List<Scored> scored =
                magnet.score("The sky is!", Stream.of(options).map(option -> " " + option).toArray(String[]::new));
        int likeliest = IntStream.range(0, 3)
                .boxed()
                .max(Comparator.comparingDouble(i -> scored.get(i).logprob()))
                .orElseThrow();
        String question = "{\"query\": \"The sky is\", \"choices\": [\"blue\", \"a very long story\", \"q\"], \"gold\": %d}";
        Path file = write("q.jsonl", question.formatted(likeliest), question.formatted((likeliest + 1) % 3));
        Evaluated result = magnet.evaluate(Evaluation.choice(file).withPrompt("!"));
        assertEquals(0.5, result.figure("accuracy.sum").value());
        assertEquals(2, result.figure("accuracy.sum").count());
        assertEquals(1, magnet.evaluate(Evaluation.choice(file).withPrompt("!").withLimit(1)).figure("accuracy.sum").value());
    }

    @Test
    void retrievalRanksByCosine() throws IOException {
        String[] documents = {"the dog barks", "it rains", "a river in spring", "keys"};
        Path queries = write("queries.tsv", "q\ta dog");
        Path corpus = write("documents.tsv", "d0\t" + documents[0], "d1\t" + documents[1], "d2\t" + documents[2],
                "d3\t" + documents[3]);
        EmbedOptions asDocument = EmbedOptions.defaults().withInstruction("");
        float[] query = magnet.embed("a dog", EmbedOptions.defaults().withInstruction("Query: "));
        List<Integer> ranked = IntStream.range(0, 4)
                .boxed()
                .sorted(Comparator.comparingDouble(d -> -Similarity.cosine(query, magnet.embed(documents[d], asDocument))))
                .toList();
        for (int place = 0; place < 4; place++) {
            Path relevance = write("qrels.tsv", "q\td" + ranked.get(place) + "\t1");
            Evaluated result = magnet.evaluate(Evaluation.retrieval(queries, corpus, relevance)
                    .withCutoffs(1, 3)
                    .withInstruction("Query: ")
                    .withDocumentInstruction(""));
            assertEquals(place < 1 ? 1 : 0, result.figure("recall@1.bidirectional.mean").value());
            assertEquals(place < 3 ? 1 : 0, result.figure("recall@3.bidirectional.mean").value());
            double gain = Math.log(2) / Math.log(place + 2);
            assertEquals(gain, result.figure("ndcg@10.bidirectional.mean").value(), 1e-9);
        }
    }

    @Test
    void adaptersOfTheCallCount() throws IOException {
        try (Adapter adapter = magnet.loadAdapter(TinyAdapter.write(directory.resolve("a.gguf"), "qwen2", 1))) {
            var evaluation = Evaluation.infill(writeColumns("stories.tsv", STORIES)).withContexts(InfillContext.LEFT);
            double bare = magnet.evaluate(evaluation).figure("perplexity.left").value();
            Evaluated on = magnet.evaluate(evaluation, EvaluateOptions.defaults().withAdapters(adapter.scaled(1)));
            Evaluated off = magnet.evaluate(evaluation, EvaluateOptions.defaults().withAdapters(adapter.scaled(0)));
            assertNotEquals(bare, on.figure("perplexity.left").value(), 1e-3);
            assertEquals(bare, off.figure("perplexity.left").value(), 1e-9);
        }
    }

    /** Thrown by a listener, to stop. */
    private static final class Enough extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @Test
    void stoppedEvaluationGoesOnFromItsState() throws IOException {
        var evaluation = Evaluation.infill(writeColumns("stories.tsv", STORIES));
        Evaluated whole = magnet.evaluate(evaluation);
        Path state = directory.resolve("state.jsonl");
        assertThrows(Enough.class, () -> magnet.evaluate(
                evaluation, EvaluateOptions.defaults().withState(state).withProgress((count, total) -> {
                    assertEquals(9, total); // three stories, three contexts
                    if (count >= 4) {
                        throw new Enough();
                    }
                })));
        List<Long> done = new ArrayList<>();
        Evaluated rest = magnet.evaluate(
                evaluation, EvaluateOptions.defaults().withState(state).withProgress((count, total) -> done.add(count)));
        assertEquals(whole.figures(), rest.figures());
        assertEquals(3, done.getFirst(), "the first context was finished and is not computed again");
        assertEquals(9, done.getLast());

        String message = Failures.messageOf(Status.MISMATCH, () -> magnet.evaluate(
                evaluation.withSeed(1), EvaluateOptions.defaults().withState(state)));
        assertTrue(message.contains("seed"), message);
    }

    @Test
    void interruptEndsTheWaitAndStaysSet() throws Exception {
        var evaluation = Evaluation.perplexity(write("t.txt", "Tom lost his keys. ".repeat(2000))).withWindow(16);
        var began = new CountDownLatch(1);
        var failure = new Throwable[1];
        var interrupted = new boolean[1];
        var thread = new Thread(() -> {
            try {
                magnet.evaluate(evaluation, EvaluateOptions.defaults().withProgress((done, total) -> began.countDown()));
            } catch (Throwable e) {
                failure[0] = e;
                interrupted[0] = Thread.currentThread().isInterrupted();
            }
        });
        thread.start();
        began.await();
        thread.interrupt();
        thread.join();
        assertSame(Status.CANCELLED, assertInstanceOf(MagnetException.class, failure[0]).status());
        assertTrue(interrupted[0]);
    }

    @Test
    void cancellingTheFutureStopsTheRun() throws Exception {
        var evaluation = Evaluation.perplexity(write("t.txt", "Tom lost his keys. ".repeat(2000))).withWindow(16);
        var began = new CountDownLatch(1);
        try (Magnet alone = Magnet.load(TinyModel.QWEN2, TinyModel.options().withSessions(1))) {
            var last = new long[2];
            var future = alone.evaluateAsync(evaluation, EvaluateOptions.defaults().withProgress((done, total) -> {
                last[0] = done;
                last[1] = total;
                began.countDown();
            }));
            began.await();
            future.cancel(true);
            assertThrows(CancellationException.class, future::join);
            alone.embed("waits for the only session, which the run has left");
            assertTrue(last[0] < last[1], last[0] + " of " + last[1]);
        }
    }

    @Test
    void futureHoldsTheResultOrTheFailure() throws Exception {
        Path file = writeColumns("pairs.tsv", PAIRS);
        var options = EvaluateOptions.defaults();
        assertEquals(
                magnet.evaluate(Evaluation.sts(file)).figures(),
                magnet.evaluateAsync(Evaluation.sts(file), options).get().figures());
        var missing = magnet.evaluateAsync(Evaluation.sts(directory.resolve("missing.tsv")), options);
        var failure = assertThrows(ExecutionException.class, missing::get);
        assertSame(Status.IO, assertInstanceOf(MagnetException.class, failure.getCause()).status());
    }

    @Test
    void mistakesAreNamed() throws IOException {
        Path bad = write("bad.tsv", "1\ta\tb", "not a score\ta\tb");
        String message = Failures.messageOf(Status.BAD_FILE, () -> magnet.evaluate(Evaluation.sts(bad)));
        assertTrue(message.contains("bad.tsv:2"), message);
        message = Failures.messageOf(
                Status.INVALID_ARGUMENT, () -> magnet.evaluate(Evaluation.perplexity(bad).withWindow(1)));
        assertTrue(message.contains("window"), message);
        Evaluated result = magnet.evaluate(Evaluation.sts(writeColumns("pairs.tsv", PAIRS)));
        message = Failures.messageOf(Status.INVALID_ARGUMENT, () -> result.figure("accuracy"));
        assertTrue(message.contains("spearman.bidirectional.mean"), message);
        message = Failures.messageOf(Status.INVALID_ARGUMENT, () -> result.values("accuracy"));
        assertTrue(message.contains("gold"), message);
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> Evaluation.sts(null));
        assertThrows(NullPointerException.class, () -> magnet.evaluate(null));
        assertThrows(NullPointerException.class, () -> magnet.evaluateAsync(null, EvaluateOptions.defaults()));
        assertThrows(NullPointerException.class, () -> magnet.evaluate(Evaluation.choice(directory), null));
    }
}
