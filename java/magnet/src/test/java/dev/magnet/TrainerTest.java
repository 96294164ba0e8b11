package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.channels.FileChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class TrainerTest {
    @TempDir
    Path directory;

    private TrainOptions options;
    private Path adapter;

    @BeforeEach
    void write() throws Exception {
        options = TinyTraining.options(TinyTraining.writeText(directory.resolve("text with spaces é.txt")));
        adapter = directory.resolve("adapter of mine ü.gguf");
    }

    private Trainer trainer(TrainOptions options) {
        return Trainer.of(TinyModel.LLAMA, adapter, options);
    }

    @Test
    void lossFalls() {
        List<TrainProgress> steps = new ArrayList<>();
        TrainResult result = trainer(options.withSteps(40)).train(steps::add);
        assertEquals(40, steps.size());
        assertEquals(new TrainResult(40, result.bestStep(), false), result);
        assertTrue(mean(steps.subList(35, 40)) < 0.95 * mean(steps.subList(0, 5)), steps::toString);
        TrainProgress last = steps.getLast();
        assertEquals(40, last.step());
        assertEquals(40, last.steps());
        assertEquals(result.bestStep(), last.bestStep());
        assertEquals(last.bestScore(), steps.get(result.bestStep() - 1).heldout().score());
        assertTrue(last.heldout().msgOrdered() < steps.get(4).heldout().msgOrdered(), steps::toString);
        assertTrue(last.tokens() > 0 && last.tokensPerSecond() > 0 && last.gradientNorm() > 0);
        assertEquals(Duration.ZERO, last.remaining());
    }

    private static double mean(List<TrainProgress> steps) {
        return steps.stream().mapToDouble(step -> step.losses().total()).average().orElseThrow();
    }

    @Test
    void heldOutTextIsLookedAtAsOftenAsAskedFor() {
        List<TrainProgress> steps = new ArrayList<>();
        trainer(options.withSteps(7).withHeldout(options.heldout().withEvery(3))).train(steps::add);
        assertEquals(
                List.of(false, false, true, false, false, true, true),
                steps.stream().map(step -> step.heldout() != null).toList());
    }

    @Test
    void adapterChangesWhatTheModelDoesAndCarriesItsRecipe() {
        trainer(options.withLora(LoraOptions.defaults().withRank(3).withTargets("q", "down"))).train();
        try (Magnet magnet = TinyModel.load();
                Adapter mine = magnet.loadAdapter(adapter)) {
            AdapterInfo info = mine.info();
            assertEquals("llama", info.architecture());
            assertEquals(3, info.rank());
            assertEquals(4, info.matrices(), "two in each of two layers");
            assertEquals(TinyTraining.INSTRUCTION, info.instruction());
            assertEquals(Pooling.LAST, info.pooling());
            assertTrue(info.recipeVersion() > 0);
            EmbedOptions same = EmbedOptions.defaults().withInstruction("").withPooling(Pooling.MEAN);
            double cosine = Similarity.cosine(
                    magnet.embed("The cat", same), magnet.embed("The cat", same.withAdapters(mine.scaled(1))));
            assertTrue(cosine < 0.9999, "cosine " + cosine);
        }
        try (Magnet with = Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(adapter))) {
            assertEquals(2, with.infill(List.of(Part.text("The cat"), Part.gap(2), Part.text("mat."))).spans()
                    .getFirst().tokens().size());
        }
    }

    @Test
    void sameSeedGivesTheSameBytesAndAnotherSeedOthers() throws Exception {
        trainer(options).train();
        byte[] first = Files.readAllBytes(adapter);
        trainer(options.withOverwrite(true)).train();
        assertArrayEquals(first, Files.readAllBytes(adapter));
        trainer(options.withOverwrite(true).withSeed(2)).train();
        assertFalse(java.util.Arrays.equals(first, Files.readAllBytes(adapter)));
    }

    @Test
    void resumeGoesOnBitForBit() throws Exception {
        List<TrainProgress> whole = new ArrayList<>();
        trainer(options.withSteps(12)).train(whole::add);
        byte[] expected = Files.readAllBytes(adapter);

        Path checkpoint = directory.resolve("état.ckpt");
        List<TrainProgress> parts = new ArrayList<>();
        Trainer first = trainer(options.withSteps(12).withCheckpoint(checkpoint).withOverwrite(true));
        TrainResult stopped = first.train(step -> {
            parts.add(step);
            if (step.step() == 5) {
                first.cancel();
            }
        });
        assertEquals(5, stopped.step());
        assertTrue(stopped.stopped());
        Path moved = Files.move(checkpoint, directory.resolve("moved.ckpt"));
        TrainResult result = Trainer.resume(moved).train(parts::add);

        assertEquals(12, result.step());
        assertFalse(result.stopped());
        assertEquals(
                whole.stream().map(TrainProgress::losses).toList(), parts.stream().map(TrainProgress::losses).toList());
        assertArrayEquals(expected, Files.readAllBytes(adapter));
    }

    @Test
    void checkpointStandsBesideTheAdapterUnlessNoneIsWanted() throws Exception {
        Trainer stops = trainer(options.withSteps(9));
        stops.train(step -> {
            if (step.step() == 4) {
                stops.cancel();
            }
        });
        assertEquals(directory.resolve("adapter of mine ü.ckpt"), stops.checkpoint());
        assertEquals(9, Trainer.resume(stops.checkpoint()).train().step());
        assertTrue(Files.exists(stops.checkpoint()), "it stays when the run is over");
        byte[] resumed = Files.readAllBytes(adapter);
        Files.delete(stops.checkpoint());

        Trainer without = trainer(options.withSteps(9).withOverwrite(true).withoutCheckpoint());
        assertNull(without.checkpoint());
        without.train();
        assertArrayEquals(Files.readAllBytes(adapter), resumed);
        assertEquals(
                List.of("adapter of mine ü.gguf", "text with spaces é.txt"), filesIn(directory).stream().sorted().toList());
    }

    /** Names as C++'s {@code path::replace_extension} makes them, which the program uses. */
    @Test
    void checkpointIsNamedAsTheProgramNamesIt() {
        Map<String, String> names = Map.of(
                "mine.gguf", "mine.ckpt", "/a.b/mine", "/a.b/mine.ckpt", "a.b.gguf", "a.b.ckpt", "mine.", "mine.ckpt",
                ".mine", ".mine.ckpt", "../x/.a.b", "../x/.a.ckpt");
        names.forEach((output, checkpoint) -> assertEquals(
                Path.of(checkpoint), Trainer.of(TinyModel.LLAMA, Path.of(output), options).checkpoint(), output));
        Path own = Path.of("own.state");
        assertEquals(own, Trainer.of(TinyModel.LLAMA, adapter, options.withCheckpoint(own)).checkpoint());
        assertEquals(own, Trainer.of(TinyModel.LLAMA, adapter, options.withoutCheckpoint().withCheckpoint(own)).checkpoint());
        assertEquals(own, Trainer.resume(own).checkpoint());
        Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                options.withCheckpoint(own).files().withNoCheckpoint(true));
    }

    @Test
    void resumeIsRefusedWhenTheTextHasChanged() throws Exception {
        Path checkpoint = directory.resolve("state.ckpt");
        trainer(options.withCheckpoint(checkpoint)).train();
        Files.writeString(options.files().texts().getFirst(), "Something else altogether. ".repeat(100));
        Failures.messageOf(Status.MISMATCH, () -> Trainer.resume(checkpoint).train());
        Failures.messageOf(Status.IO, () -> Trainer.resume(directory.resolve("none.ckpt")).train());
        assertThrows(MagnetException.class, () -> Trainer.resume(TinyModel.LLAMA).train());
    }

    @Test
    void cancelFromAnotherThreadKeepsWhatWasLearned() throws Exception {
        Trainer trainer = trainer(options.withSteps(1_000_000).withCheckpoint(directory.resolve("state.ckpt")));
        var third = new CountDownLatch(3);
        var future = trainer.async(step -> third.countDown());
        third.await();
        trainer.cancel();
        TrainResult result = future.get();
        assertTrue(result.stopped());
        assertTrue(result.step() >= 3);
        assertLoads();
        assertTrue(Files.size(directory.resolve("state.ckpt")) > 0);
        trainer.cancel();
    }

    @Test
    void interruptKeepsWhatWasLearnedAndTheThreadStaysInterrupted() {
        Thread me = Thread.currentThread();
        TrainResult result = trainer(options.withSteps(1_000_000)).train(step -> {
            if (step.step() == 2) {
                new Thread(me::interrupt).start();
            }
        });
        assertTrue(Thread.interrupted());
        assertTrue(result.stopped());
        assertLoads();
    }

    /** Using an interruptible channel replaces what watches the thread for interrupts. */
    @Test
    void interruptStopsAlsoWhenTheListenerWritesToAChannel() throws Exception {
        Thread me = Thread.currentThread();
        try (FileChannel channel = FileChannel.open(
                directory.resolve("log"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            TrainResult result = trainer(options.withSteps(1_000_000)).train(step -> {
                try {
                    channel.size();
                } catch (java.io.IOException e) {
                    throw new AssertionError(e);
                }
                if (step.step() == 2) {
                    new Thread(() -> {
                        sleep();
                        me.interrupt();
                    }).start();
                }
            });
            assertTrue(Thread.interrupted());
            assertTrue(result.stopped());
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(200);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void cancellingTheFutureStopsTheRun() throws Exception {
        var begun = new CountDownLatch(1);
        var future = trainer(options.withSteps(1_000_000)).async(step -> begun.countDown());
        begun.await();
        assertTrue(future.cancel(true));
        assertThrows(CancellationException.class, future::get);
        while (!Files.exists(adapter)) {
            Thread.sleep(10);
        }
        assertLoads();
    }

    @Test
    void runThatIsCancelledBeforeItBeginsWritesNothing() throws Exception {
        Trainer cancelled = trainer(options);
        cancelled.cancel();
        Failures.messageOf(Status.CANCELLED, cancelled::train);
        Thread.currentThread().interrupt();
        Failures.messageOf(Status.CANCELLED, () -> trainer(options).train());
        assertTrue(Thread.interrupted());
        assertEquals(List.of("text with spaces é.txt"), filesIn(directory));
    }

    @Test
    void exceptionOfTheListenerComesOutAndKeepsWhatWasLearned() throws Exception {
        var mine = new IllegalCallerException("mine");
        assertSame(mine, assertThrows(IllegalCallerException.class, () -> trainer(options).train(step -> {
            if (step.step() == 2) {
                throw mine;
            }
        })));
        assertLoads();
        var future = trainer(options.withOverwrite(true)).async(step -> {
            throw mine;
        });
        assertSame(mine, assertThrows(ExecutionException.class, future::get).getCause());
    }

    @Test
    void errorsOfTheListenerComeOutAsWell() {
        assertThrows(StackOverflowError.class, () -> trainer(options).train(step -> forever()));
        assertLoads();
    }

    private static void forever() {
        forever();
    }

    @Test
    void trainerRunsOnce() {
        Trainer trainer = trainer(options);
        trainer.train();
        assertThrows(IllegalStateException.class, trainer::train);
        var future = trainer.async(step -> {});
        assertInstanceOf(IllegalStateException.class, assertThrows(ExecutionException.class, future::get).getCause());
    }

    @Test
    void listenerMayUseAModel() {
        try (Magnet magnet = TinyModel.load()) {
            float[] expected = magnet.embed("text");
            trainer(options).train(step -> assertArrayEquals(expected, magnet.embed("text"), 1e-6f));
        }
    }

    @Test
    void listenerMayTrain() {
        Path other = directory.resolve("other.gguf");
        trainer(options.withSteps(1)).train(step ->
                Trainer.of(TinyModel.LLAMA, other, options.withSteps(1)).train());
        assertTrue(Files.exists(other));
    }

    @Test
    void stagesFollowOneAnotherAndAnObjectiveOfWeightZeroIsLeftOut() {
        List<TrainProgress> steps = new ArrayList<>();
        trainer(options.withStages(new TrainStage(2, 1, 0, 1), TrainStage.of(3).withMsg(0).withMntp(0))).train(steps::add);
        assertEquals(List.of(0, 0, 1, 1, 1), steps.stream().map(TrainProgress::stage).toList());
        assertTrue(Double.isNaN(steps.getFirst().losses().sscl()));
        assertTrue(steps.getFirst().losses().msg() > 0);
        assertTrue(Double.isNaN(steps.getLast().losses().msg()));
        assertTrue(steps.getLast().losses().sscl() > 0);
    }

    @Test
    void pairsAloneTrainEmbeddings() throws Exception {
        Path pairs = directory.resolve("pairs.tsv");
        Files.writeString(pairs, "a cat sits\tthe cat is sitting\tstocks fell\nrain falls\tit rains\tI sing\n".repeat(20));
        List<TrainProgress> steps = new ArrayList<>();
        TrainFiles files = options.files().withTexts().withPairs(PairFile.of(pairs));
        trainer(options.withFiles(files)).train(steps::add);
        assertTrue(Double.isNaN(steps.getFirst().losses().msg()));
        assertTrue(steps.getFirst().losses().sscl() > 0);
    }

    @Test
    void filesOfPairsHaveShares() throws Exception {
        Path animals = directory.resolve("animals.tsv"), weather = directory.resolve("weather.tsv");
        Files.writeString(animals, "a cat sits\tthe cat is sitting\na dog barks\tit barks\n".repeat(20));
        Files.writeString(weather, "rain falls\tit rains\nthe sun\tit shines\n".repeat(20));
        List<TrainProgress> steps = new ArrayList<>();
        trainer(options.withTexts().withPairs(PairFile.of(animals, 3), PairFile.of(weather, 1))).train(steps::add);
        assertTrue(steps.getLast().losses().sscl() > 0);
        String without = refused(Status.INVALID_ARGUMENT, options.withPairs(PairFile.of(animals, 3), PairFile.of(weather)));
        assertTrue(without.contains("weather.tsv") && without.contains("share"), without);
    }

    @Test
    void rowsThatKeepTheBaseHaveTheirLoss() {
        List<TrainProgress> steps = new ArrayList<>();
        RowOptions rows = options.rows().withShareHybrid(0).withShareOrdered(0).withShareCausal(1).withKeepBase(1);
        trainer(options.withRows(rows).withStages(TrainStage.of(3).withMntp(0).withSscl(0))).train(steps::add);
        assertEquals(0, steps.getFirst().losses().base(), 1e-6); // a new adapter is none
        assertTrue(Double.isNaN(steps.getFirst().losses().msg()));
        RowOptions none = options.rows().withShareCausal(0).withKeepBase(0.5);
        assertTrue(refused(Status.INVALID_ARGUMENT, options.withRows(none)).contains("shareCausal"));
    }

    @Test
    void trainingGoesOnFromAnAdapter() {
        trainer(options.withSteps(20)).train();
        List<TrainProgress> again = new ArrayList<>();
        Trainer.of(TinyModel.LLAMA, directory.resolve("next.gguf"),
                        options.withFiles(options.files().withInitAdapter(adapter)).withSteps(5))
                .train(again::add);
        List<TrainProgress> anew = new ArrayList<>();
        Trainer.of(TinyModel.LLAMA, directory.resolve("anew.gguf"), options.withSteps(5)).train(anew::add);
        assertTrue(again.getFirst().losses().msg() < anew.getFirst().losses().msg());
    }

    @Test
    void metricsAndReportTellWhatTheListenerHeard() throws Exception {
        Path metrics = directory.resolve("metrics.jsonl");
        Path report = directory.resolve("report.html");
        List<TrainProgress> steps = new ArrayList<>();
        trainer(options.withSteps(6).withMetrics(metrics).withReport(report)).train(steps::add);
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(metrics)) {
            JsonNode node = new ObjectMapper().readTree(line);
            if (node.get("step").asInt() > 0) {
                lines.add(node);
            }
        }
        assertEquals(6, lines.size());
        for (int i = 0; i < 6; i++) {
            assertEquals(steps.get(i).losses().total(), lines.get(i).get("loss").asDouble(), 1e-4);
            assertEquals(steps.get(i).tokens(), lines.get(i).get("tokens").asLong());
        }
        assertTrue(Files.readString(report).contains("<html"));
    }

    @Test
    void estimateMeasuresAndWritesNothing() throws Exception {
        TrainEstimate estimate = Trainer.estimate(TinyModel.LLAMA, options
                .withSteps(50)
                .withCheckpoint(directory.resolve("state.ckpt"))
                .withLora(options.lora().withRank(2).withTargets("q")));
        assertEquals(50, estimate.steps());
        assertEquals(2 * 2 * (32 + 32), estimate.parameters(), "a 32 x 2 and a 2 x 32 matrix in two layers");
        assertTrue(estimate.windows() > 0 && estimate.tokensPerStep() > 0 && estimate.peakBytes() > 1 << 20);
        assertTrue(estimate.total().compareTo(estimate.step().multipliedBy(50)) >= 0, estimate::toString);
        assertEquals(List.of("text with spaces é.txt"), filesIn(directory));
    }

    @Test
    void mergedModelDoesWhatBaseAndAdapterDo() throws Exception {
        trainer(options.withSteps(20)).train();
        Path merged = directory.resolve("merged.gguf");
        Trainer.merge(TinyModel.LLAMA, adapter, merged, 1, MergeType.F32);
        try (Magnet two = Magnet.load(TinyModel.LLAMA, exact().withAdapters(adapter));
                Magnet one = Magnet.load(merged, exact())) {
            EmbedOptions same = EmbedOptions.defaults().withInstruction("").withPooling(Pooling.MEAN);
            assertArrayEquals(two.embed("The cat", same), one.embed("The cat", same), 2e-3f);
            assertEquals(
                    two.score("The cat", " sat").getFirst().logprob(), one.score("The cat", " sat").getFirst().logprob(),
                    2e-2);
            assertTrue(Similarity.cosine(one.embed("The cat", same), bare("The cat", same)) < 0.9999);
        }
        Trainer.merge(TinyModel.LLAMA, adapter, merged);
        Magnet.load(merged).close();
    }

    private static float[] bare(String text, EmbedOptions how) {
        try (Magnet magnet = TinyModel.loadExact(TinyModel.LLAMA)) {
            return magnet.embed(text, how);
        }
    }

    private static LoadOptions exact() {
        return TinyModel.options().withEngine(Engine.GRAPH);
    }

    @Test
    void mergeRefusesWhatDoesNotBelongTogether() throws Exception {
        Path other = TinyAdapter.write(directory.resolve("other.gguf"), "qwen2", 1);
        Path merged = directory.resolve("merged.gguf");
        Failures.messageOf(Status.MISMATCH, () -> Trainer.merge(TinyModel.LLAMA, other, merged));
        Failures.messageOf(Status.IO, () -> Trainer.merge(TinyModel.LLAMA, directory.resolve("none.gguf"), merged));
        assertThrows(MagnetException.class, () -> Trainer.merge(TinyModel.LLAMA, TinyModel.QWEN2, merged));
        Path mine = TinyAdapter.write(directory.resolve("mine.gguf"), "llama", 1);
        assertThrows(MagnetException.class, () ->
                Trainer.merge(TinyModel.LLAMA, mine, merged, Double.NaN, MergeType.F32));
        assertFalse(Files.exists(merged));
    }

    @Test
    void mistakesAreNamedBeforeAnyWorkIsDone() throws Exception {
        Files.writeString(adapter, "precious");
        String exists = Failures.messageOf(Status.IO, () -> trainer(options).train());
        assertTrue(exists.contains(adapter.toString()), exists);
        assertTrue(exists.contains("withOverwrite(true)"), exists);
        assertEquals("precious", Files.readString(adapter));

        Path pairs = Files.writeString(directory.resolve("pairs.tsv"), "one\ttwo\nthree\n");
        String columns = refused(Status.BAD_FILE, options.withPairs(pairs));
        assertTrue(columns.contains("pairs.tsv:2"), columns);
        assertTrue(refused(Status.IO, options.withTexts(directory.resolve("missing.txt"))).contains("missing.txt"));
        assertTrue(refused(Status.INVALID_ARGUMENT, options.withLora(options.lora().withTargets("nose"))).contains("nose"));
        refused(Status.TOO_LONG, options.withRows(options.rows().withLength(1000)));
        refused(Status.INVALID_ARGUMENT, options.withSteps(0));
        refused(Status.INVALID_ARGUMENT, options.withStages());
        refused(Status.INVALID_ARGUMENT, options.withSeed(-1));
        refused(Status.INVALID_ARGUMENT, options.withContrast(options.contrast().withPooling(Pooling.DEFAULT)));
        refused(Status.INVALID_ARGUMENT, options.withContrast(options.contrast().withInstruction("half \uD83C")));
        refused(Status.INVALID_ARGUMENT, options.withMaskToken("two tokens"));
        assertThrows(MagnetException.class, () -> trainer(TrainOptions.defaults()).train());
        assertThrows(MagnetException.class, () ->
                Trainer.of(directory.resolve("none.gguf"), directory.resolve("a.gguf"), options).train());
        Path unwritable = Path.of("/proc/adapter.gguf");
        Failures.messageOf(Status.IO, () -> Trainer.of(TinyModel.LLAMA, unwritable, options).train());
    }

    private String refused(Status status, TrainOptions bad) {
        return Failures.messageOf(status, () -> Trainer.of(TinyModel.LLAMA, directory.resolve("no.gguf"), bad).train());
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> Trainer.of(null, adapter, options));
        assertThrows(NullPointerException.class, () -> Trainer.of(TinyModel.LLAMA, null, options));
        assertThrows(NullPointerException.class, () -> Trainer.of(TinyModel.LLAMA, adapter, null));
        assertThrows(NullPointerException.class, () -> Trainer.resume(null));
        assertThrows(NullPointerException.class, () -> trainer(options).train(null));
        assertThrows(NullPointerException.class, () -> Trainer.estimate(TinyModel.LLAMA, null));
    }

    @Test
    void lossThatIsNoNumberStopsTheRunAndNamesTheStep() throws IOException {
        Path damaged = TinyGguf.damaged(
                TinyModel.LLAMA, "output_norm.weight", Float.NaN, adapter.resolveSibling("damaged.gguf"));
        String message =
                Failures.messageOf(Status.DIVERGED, () -> Trainer.of(damaged, adapter, options).train());
        assertTrue(message.contains("step "), message);
    }

    @Test
    void progressIsALineForPeople() {
        var losses = new TrainProgress.Losses(8.1, 4.21, Double.NaN, 3.7, Double.NaN);
        var heldout = new TrainProgress.Heldout(1, 2, 3, 4, 5, 3.82);
        var progress = new TrainProgress(
                120, 400, 0, 1, Duration.ZERO, Duration.ofSeconds(430), 512.3, losses, 0, 0, heldout, 120, 3.82);
        assertEquals(
                "step 120/400  mntp 4.210  msg 3.700  held-out 3.820 (best)  512 tok/s  7:10 left", progress.toString());
    }

    @Test
    void defaultsAreThoseOfTheLibrary() {
        TrainOptions defaults = TrainOptions.defaults();
        assertEquals(16, defaults.lora().rank());
        assertEquals(List.of("q", "k", "v", "o", "gate", "up", "down"), defaults.lora().targets());
        assertEquals(LearningRateDecay.COSINE, defaults.optimizer().decay());
        assertEquals(1, defaults.stages().size());
        assertNull(defaults.files().checkpoint());
        assertNotNull(defaults.contrast().instruction());
    }

    private void assertLoads() {
        try (Magnet magnet = TinyModel.load();
                Adapter mine = magnet.loadAdapter(adapter)) {
            assertTrue(mine.info().recipeVersion() > 0);
        }
    }

    private static List<String> filesIn(Path directory) throws Exception {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
