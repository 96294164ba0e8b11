package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

@Timeout(60)
class LifecycleTest {
    @TestFactory
    List<DynamicTest> everythingAfterCloseThrows() {
        Magnet magnet = TinyModel.load();
        Generation<Generated> generation = magnet.generate("Once");
        magnet.close();
        List<DynamicTest> tests = new ArrayList<>();
        EmbedOptions embed = EmbedOptions.defaults();
        List<Part> parts = List.of(Part.text("a"), Part.gap(1));
        after(tests, "info", magnet::info);
        after(tests, "metadata", magnet::metadata);
        after(tests, "loadAdapter", () -> magnet.loadAdapter(TinyModel.LLAMA));
        after(tests, "embed", () -> magnet.embed("text"));
        after(tests, "embed many", () -> magnet.embed("a", "b"));
        after(tests, "embed into", () -> magnet.embed(List.of("a"), embed, FloatBuffer.allocate(100)));
        after(tests, "embedTokens", () -> magnet.embedTokens("text", embed));
        after(tests, "embedTokenIds", () -> magnet.embedTokenIds(new int[] {5}, embed));
        after(tests, "embedAsync", () -> magnet.embedAsync("text"));
        after(tests, "infill", () -> magnet.infill(parts));
        after(tests, "infillStreaming", () -> magnet.infillStreaming(parts, InfillOptions.defaults()));
        after(tests, "generate", () -> magnet.generate("text"));
        after(tests, "chat", () -> magnet.chat(List.of(Message.user("text"))));
        after(tests, "chatPrompt", () -> magnet.chatPrompt(List.of(Message.user("text")), true));
        after(tests, "score", () -> magnet.score("a", "b"));
        var evaluation = Evaluation.perplexity(TinyModel.LLAMA);
        after(tests, "evaluate", () -> magnet.evaluate(evaluation));
        after(tests, "evaluateAsync", () -> magnet.evaluateAsync(evaluation, EvaluateOptions.defaults()));
        after(tests, "tokenize", () -> magnet.tokenize("text"));
        after(tests, "detokenize", () -> magnet.detokenize(5));
        after(tests, "tokenBytes", () -> magnet.tokenBytes(5));
        after(tests, "layout", () -> magnet.layout(parts, InfillContext.DEFAULT));
        after(tests, "a generation made before", generation::text);
        return tests;
    }

    private static void after(List<DynamicTest> tests, String name, Executable call) {
        tests.add(DynamicTest.dynamicTest(name, () -> assertThrows(IllegalStateException.class, call)));
    }

    @Test
    void closingTwiceDoesNothing() {
        Magnet magnet = TinyModel.load();
        magnet.embed("text");
        magnet.close();
        magnet.close();
    }

    @Test
    void closingWithoutACallEverMadeIsFine() {
        TinyModel.load().close();
    }

    @Test
    void closeStopsAGenerationOnAnotherThreadAndWaitsForIt() throws Exception {
        Magnet magnet = TinyModel.load();
        var begun = new CountDownLatch(1);
        var outcome = CompletableFuture.supplyAsync(() -> magnet.generate(
                        "Once", GenerateOptions.defaults().withMaxTokens(-1).withIgnoreEos(true))
                .forEach(token -> {
                    begun.countDown();
                    pause(10);
                }));
        begun.await();
        magnet.close();
        assertTrue(outcome.isDone() || outcome.get(1, TimeUnit.SECONDS) != null);
        assertEquals(StopReason.CANCELLED, outcome.get().stop());
    }

    @Test
    void closeEndsCallsThatWaitForTheirTurn() throws Exception {
        Magnet magnet = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1));
        var begun = new CountDownLatch(1);
        List<CompletableFuture<?>> calls = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            calls.add(magnet.generate("Once", GenerateOptions.defaults().withMaxTokens(-1).withIgnoreEos(true))
                    .async());
        }
        var first = new Thread(() -> {
            try {
                magnet.generate("Once").forEach(token -> begun.countDown());
            } catch (IllegalStateException | MagnetException e) {
                begun.countDown();
            }
        });
        first.start();
        begun.await();
        magnet.close();
        for (var call : calls) {
            try {
                assertInstanceOf(Generated.class, call.get(5, TimeUnit.SECONDS));
            } catch (java.util.concurrent.ExecutionException e) {
                assertTrue(
                        e.getCause() instanceof IllegalStateException || e.getCause() instanceof MagnetException,
                        e.getCause()::toString);
            }
        }
        first.join();
    }

    @Test
    void closeFromInsideACallbackIsRefused() {
        try (Magnet magnet = TinyModel.load()) {
            assertThrows(IllegalStateException.class, () -> magnet.generate("Once").forEach(token -> magnet.close()));
            assertEquals(TinyModel.DIMENSIONS, magnet.embed("still open").length);
        }
    }

    @Test
    void closeUnderAnOpenStreamEndsIt() {
        Magnet magnet = TinyModel.load();
        try (var stream = magnet.generate("Once", GenerateOptions.defaults().withMaxTokens(-1).withIgnoreEos(true))
                .stream()) {
            var tokens = stream.iterator();
            tokens.next();
            magnet.close();
            var cut = assertThrows(MagnetException.class, () -> tokens.forEachRemaining(token -> {}));
            assertEquals(Status.CANCELLED, cut.status());
            assertTrue(cut.getMessage().contains("closed"), cut.getMessage());
        }
    }

    @Test
    void modelThatIsNeverClosedIsReportedWithItsPlace() throws Exception {
        try (var log = new LogCapture(Level.WARNING)) {
            forget();
            for (int i = 0; i < 100 && leaks(log).isEmpty(); i++) {
                System.gc();
                Thread.sleep(50);
            }
            assertTrue(leaks(log).getFirst().contains("LifecycleTest.forget"), leaks(log)::toString);
        }
    }

    private static void forget() {
        Magnet.load(TinyModel.LLAMA).embed("text");
    }

    private static List<String> leaks(LogCapture log) {
        return log.records().stream()
                .map(LogRecord::getMessage)
                .filter(message -> message.contains("never closed"))
                .toList();
    }

    private static void pause(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
