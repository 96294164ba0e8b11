package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GenerateTest {
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = TinyModel.load();
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    private static GenerateOptions options(int maxTokens) {
        return GenerateOptions.defaults().withMaxTokens(maxTokens).withSeed(7).withIgnoreEos(true);
    }

    /** Makes the model, whose weights are random, write something known. */
    private static GenerateOptions writing(String text) {
        return GenerateOptions.defaults().withMaxTokens(200).withGrammar("root ::= \"" + text + "\"");
    }

    @Test
    void resultHoldsTextTokensAndUsage() {
        Generated generated = magnet.generate("Once upon a time", options(10)).result();
        assertEquals(StopReason.LENGTH, generated.stop());
        assertEquals(10, generated.span().tokens().size());
        assertEquals(10, generated.usage().generatedTokens());
        assertEquals(
                generated.text(),
                generated.span().tokens().stream().map(Token::text).collect(Collectors.joining()));
        assertEquals(
                generated.span().logprob(),
                generated.span().tokens().stream().mapToDouble(Token::logprob).sum(),
                1e-3);
        assertTrue(generated.span().tokens().stream().allMatch(token -> token.logprob() <= 0));
        assertEquals(
                generated.usage().promptTokens() + 10, generated.usage().totalTokens());
    }

    @Test
    void severalTextsAreThoseOfTheirSeeds() {
        Generated several = magnet.generate("Once", options(12).withTexts(5)).result();
        assertEquals(5, several.spans().size());
        assertEquals(several.text(), several.texts().getFirst());
        assertEquals(60, several.usage().generatedTokens());
        for (int k = 0; k < 5; k++) {
            try (Magnet other = TinyModel.load()) { // no prompt of it was read before
                assertEquals(
                        other.generate("Once", options(12).withSeed(7 + k)).text(),
                        several.texts().get(k));
            }
        }
        MagnetException greedy = assertThrows(
                MagnetException.class,
                () -> magnet.generate("Once", options(5).withTexts(2).withTemperature(0)).text());
        assertEquals(Status.INVALID_ARGUMENT, greedy.status());
        assertEquals(
                Status.INVALID_ARGUMENT,
                assertThrows(
                                MagnetException.class,
                                () -> magnet.generate("Once", options(5).withTexts(0)).text())
                        .status());
    }

    @Test
    void maxTokensZeroGeneratesNothing() {
        assertEquals("", magnet.generate("Once upon a time", options(0)).text());
    }

    @Test
    void sameSeedSameText() {
        assertEquals(
                magnet.generate("Once", options(30)).text(), magnet.generate("Once", options(30)).text());
        assertNotEquals(
                magnet.generate("Once", options(30)).text(),
                magnet.generate("Once", options(30).withSeed(8)).text());
    }

    @Test
    void everyWayOfDeliveryGivesTheSameTokens() throws Exception {
        GenerateOptions options = writing("one two three").withTemperature(0);
        List<Integer> expected = ids(magnet.generate("Once", options).result().span().tokens());
        List<Token> pushed = new ArrayList<>();
        Generated generated = magnet.generate("Once", options).forEach(pushed::add);
        assertEquals(expected, ids(generated.span().tokens()));
        assertEquals(expected, ids(pushed));
        try (var stream = magnet.generate("Once", options).stream()) {
            assertEquals(expected, ids(stream.toList()));
        }
        assertEquals(expected, ids(magnet.generate("Once", options).async().get().span().tokens()));
        var subscriber = new Collecting(Long.MAX_VALUE);
        magnet.generate("Once", options).publisher().subscribe(subscriber);
        assertEquals(expected, ids(subscriber.awaitEnd()));
    }

    private static List<Integer> ids(List<Token> tokens) {
        return tokens.stream().map(Token::id).toList();
    }

    @Test
    void textThatEndsInsideACharacterIsDeliveredToItsEnd() {
        for (int tokens = 1; tokens < 20; tokens++) {
            List<String> pieces = new ArrayList<>();
            Generated generated = magnet.generate("Once", writing("naïve 😀🎉 done").withMaxTokens(tokens))
                    .forEach(token -> pieces.add(token.text()));
            assertEquals(generated.text(), String.join("", pieces));
            assertEquals(
                    generated.text(),
                    generated.span().tokens().stream().map(Token::text).collect(Collectors.joining()));
        }
    }

    @Test
    void characterCutByTokensStreamsWhole() {
        String text = "naïve 😀🎉👩‍👩‍👧 done";
        List<String> pieces = new ArrayList<>();
        Generated generated = magnet.generate("Say: ", writing(text)).forEach(token -> pieces.add(token.text()));
        assertEquals(text, generated.text());
        assertEquals(text, String.join("", pieces));
        assertTrue(pieces.stream().noneMatch(piece -> piece.contains("\uFFFD")));
        assertTrue(pieces.contains(""), "a token inside a character completes no text");
        assertEquals(pieces, generated.span().tokens().stream().map(Token::text).toList());
    }

    @Test
    void grammarIsFollowedToItsEnd() {
        Generated generated = magnet.generate("Answer: ", writing("yes")).result();
        assertEquals("yes", generated.text());
        assertTrue(generated.stop() == StopReason.GRAMMAR || generated.stop() == StopReason.END, generated.stop()::toString);
    }

    @Test
    void badGrammarIsRefused() {
        Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.generate("x", options(5).withGrammar("root ::= (")).result());
        Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.generate("x", options(5).withGrammar("nul \0")).result());
    }

    @Test
    void stopStringEndsTheTextBeforeIt() {
        Generated generated = magnet.generate("Count: ", writing("one two three").withStop("three", " two"))
                .result();
        assertEquals("one", generated.text());
        assertEquals(StopReason.STRING, generated.stop());
        Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.generate("x", options(5).withStop("")).result());
    }

    @Test
    void bannedTokensDoNotAppear() {
        int first = magnet.generate("Once", options(1).withTemperature(0)).result().span().tokens().getFirst().id();
        Sampling sampling = Sampling.greedy().withLogitBias(Map.of(first, Float.NEGATIVE_INFINITY));
        assertTrue(magnet.generate("Once", options(30).withSampling(sampling)).result().span().tokens().stream()
                .noneMatch(token -> token.id() == first));
    }

    @Test
    void alternativesComeBestFirst() {
        for (Token token :
                magnet.generate("Once", options(5).withTop(4).withTemperature(0)).result().span().tokens()) {
            assertEquals(4, token.top().size());
            assertEquals(token.id(), token.top().getFirst().token());
            assertEquals(token.logprob(), token.top().getFirst().logprob(), 1e-4);
            for (int i = 1; i < 4; i++) {
                assertTrue(token.top().get(i - 1).logprob() >= token.top().get(i).logprob());
            }
        }
    }

    @Test
    void sharedBeginningIsNotReadAgain() {
        try (Magnet fresh = TinyModel.load()) {
            String prompt = "A prompt of some length, ";
            assertEquals(0, fresh.generate(prompt, options(5)).result().usage().reusedTokens());
            assertTrue(fresh.generate(prompt + "and more", options(5)).result().usage().reusedTokens() > 10);
        }
    }

    @Test
    void promptBeyondTheContextIsRefused() {
        Failures.messageOf(Status.TOO_LONG, () ->
                magnet.generate("x ".repeat(TinyModel.CONTEXT), options(5)).result());
    }

    @Test
    void contextThatIsFullEndsTheText() {
        Generated generated = magnet.generate("x ".repeat(100), options(1000)).result();
        assertEquals(StopReason.CONTEXT, generated.stop());
        assertTrue(generated.usage().totalTokens() <= TinyModel.CONTEXT + 1);
    }

    @Test
    void chatUsesTheModelsTemplateOrSaysThatThereIsNone() {
        List<Message> messages = List.of(Message.system("Be brief."), Message.user("Hello"));
        if (magnet.info().hasChatTemplate()) {
            assertTrue(magnet.chatPrompt(messages, true).contains("Hello"));
        } else {
            Failures.messageOf(Status.UNSUPPORTED, () -> magnet.chat(messages));
        }
    }

    @Test
    void controlTokensInAPromptAreReadWhenAsked() {
        assertFalse(GenerateOptions.defaults().parseSpecial());
        String prompt = "a</s>b";
        int text = magnet.generate(prompt, options(1)).result().usage().promptTokens();
        int special = magnet.generate(prompt, options(1).withParseSpecial(true)).result().usage().promptTokens();
        assertEquals(magnet.tokenize(prompt, true, false).length, text);
        assertEquals(magnet.tokenize(prompt, true, true).length, special);
        assertNotEquals(text, special);
    }

    @Test
    void nulIsKeptInTextAndRefusedWhereItWouldEndOne() {
        assertEquals(
                magnet.generate("ab", options(1)).result().usage().promptTokens() + 1,
                magnet.generate("a\0b", options(1)).result().usage().promptTokens());
        for (GenerateOptions bad : List.of(options(1).withStop("a\0"), options(1).withGrammar("root ::= \"a\"\0"))) {
            assertTrue(Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.generate("a", bad).result())
                    .contains("NUL"));
        }
    }

    @Test
    void hostileGrammarsAreRefusedOnASmallStack() throws InterruptedException {
        String nested = "root ::= " + "( \")\" ".repeat(100_000) + ")".repeat(100_000);
        List<String> messages = new ArrayList<>();
        var thread = new Thread(
                null,
                () -> messages.add(Failures.messageOf(
                        Status.INVALID_ARGUMENT, () -> magnet.generate("a", options(1).withGrammar(nested)).result())),
                "small",
                512 << 10);
        thread.start();
        thread.join();
        assertTrue(messages.getFirst().contains("groups"), messages::toString);
        for (String range : List.of("(0, 1]", "topP is 0;")) {
            GenerateOptions none = options(1).withSampling(Sampling.greedy().withTopP(0));
            assertTrue(Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.generate("a", none).result())
                    .contains(range));
        }
    }

    @Test
    void generationDeliversOnce() {
        Generation<Generated> generation = magnet.generate("Once", options(3));
        generation.text();
        assertThrows(IllegalStateException.class, generation::text);
        assertThrows(IllegalStateException.class, generation::stream);
        var late = new Collecting(1);
        generation.publisher().subscribe(late);
        assertThrows(IllegalStateException.class, late::awaitEnd);
    }

    @Test
    void exceptionOfAListenerComesOutAndLeavesTheModelUsable() {
        var mine = new IllegalCallerException("mine");
        assertSame(mine, assertThrows(IllegalCallerException.class, () ->
                magnet.generate("Once", options(50)).forEach(token -> {
                    if (token.index() == 3) {
                        throw mine;
                    }
                })));
        assertEquals(5, magnet.generate("Once", options(5)).result().span().tokens().size());
    }

    @Test
    void errorOfAListenerComesOutToo() {
        assertThrows(StackOverflowError.class, () -> magnet.generate("Once", options(5)).forEach(token -> overflow(0)));
        assertEquals(5, magnet.generate("Once", options(5)).result().span().tokens().size());
    }

    private static int overflow(int depth) {
        return overflow(depth + 1) + 1;
    }

    @Test
    void listenerMayUseTheModel() {
        try (Magnet single = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1))) {
            List<String> nested = new ArrayList<>();
            String text = single.generate("Once", writing("abc")).forEach(token -> {
                        assertEquals(TinyModel.DIMENSIONS, single.embed("text").length);
                        nested.add(single.generate("Nested", writing("xy")).text());
                    })
                    .text();
            assertEquals("abc", text);
            assertTrue(!nested.isEmpty() && nested.stream().allMatch("xy"::equals), nested::toString);
        }
    }

    @Test
    void cancelEndsWithWhatThereIs() {
        Generation<Generated> generation = magnet.generate("Once", options(200));
        Generated generated = generation.forEach(token -> {
            if (token.index() == 4) {
                generation.cancel();
            }
        });
        assertEquals(StopReason.CANCELLED, generated.stop());
        assertEquals(5, generated.span().tokens().size());
    }

    @Test
    void cancelBeforeTheBeginningPreventsIt() {
        Generation<Generated> generation = magnet.generate("Once", options(200));
        generation.cancel();
        Failures.messageOf(Status.CANCELLED, generation::text);
    }

    @Test
    void closedStreamStopsItsGeneration() throws Exception {
        long before = magnet.generate("Once", options(1)).result().usage().generatedTokens();
        assertEquals(1, before);
        for (int i = 0; i < 20; i++) {
            try (var stream = magnet.generate("Once", options(200)).stream()) {
                assertEquals(3, stream.limit(3).count());
            }
        }
        assertEquals(5, magnet.generate("Once", options(5)).result().span().tokens().size());
    }

    @Test
    void failureComesOutOfTheStream() {
        try (var stream = magnet.generate("x ".repeat(TinyModel.CONTEXT), options(5)).stream()) {
            Failures.messageOf(Status.TOO_LONG, stream::toList);
        }
    }

    @Test
    void subscriberGetsWhatItAsksFor() throws Exception {
        var subscriber = new Collecting(0);
        Generation<Generated> generation = magnet.generate("Once", writing("one two three"));
        generation.publisher().subscribe(subscriber);
        subscriber.request(3);
        subscriber.awaitTokens(3);
        Thread.sleep(50);
        assertEquals(3, subscriber.tokens().size(), "no more than was asked for");
        subscriber.request(100);
        assertEquals(
                "one two three",
                subscriber.awaitEnd().stream().map(Token::text).collect(Collectors.joining()));
    }

    @Test
    void cancelledSubscriptionGetsNothingMore() throws Exception {
        var subscriber = new Collecting(2);
        Generation<Generated> generation = magnet.generate("Once", options(200));
        generation.publisher().subscribe(subscriber);
        subscriber.awaitTokens(2);
        subscriber.cancel();
        Thread.sleep(50);
        assertEquals(2, subscriber.tokens().size());
        assertFalse(subscriber.hasEnded());
    }

    @Test
    void timeoutEndsWithWhatThereIs() {
        Generated generated = magnet.generate("Once", options(200).withTimeout(Duration.ofSeconds(2)))
                .forEach(token -> sleep(2000));
        assertEquals(StopReason.TIMEOUT, generated.stop());
        assertTrue(generated.span().tokens().size() < 100);
    }

    @Test
    void timeoutThatIsNotReachedChangesNothing() {
        assertEquals(
                StopReason.LENGTH,
                magnet.generate("Once", options(5).withTimeout(Duration.ofDays(1_000_000))).result().stop());
    }

    @Test
    void timeoutBelowZeroIsRefused() {
        for (var options : List.<java.util.function.Function<Duration, Object>>of(
                GenerateOptions.defaults()::withTimeout, InfillOptions.defaults()::withTimeout)) {
            var refused = assertThrows(MagnetException.class, () -> options.apply(Duration.ofSeconds(Long.MIN_VALUE)));
            assertEquals(Status.INVALID_ARGUMENT, refused.status());
            assertTrue(refused.getMessage().startsWith("timeout is PT-"), refused.getMessage());
            options.apply(Duration.ZERO);
        }
    }

    @Test
    void interruptEndsTheWaitAndStaysSet() throws Exception {
        var outcome = new java.util.concurrent.CompletableFuture<String>();
        var thread = new Thread(() -> {
            try {
                magnet.generate("Once", options(200)).forEach(token -> busy(20));
                outcome.complete("came to its end");
            } catch (MagnetException e) {
                outcome.complete(e.status() + " " + Thread.currentThread().isInterrupted());
            }
        });
        thread.start();
        Thread.sleep(100);
        thread.interrupt();
        assertEquals("CANCELLED true", outcome.get());
        thread.join();
        assertEquals(5, magnet.generate("Once", options(5)).result().span().tokens().size());
    }

    @Test
    void interruptReachesAVirtualThreadToo() throws Exception {
        var outcome = new java.util.concurrent.CompletableFuture<String>();
        Thread thread = Thread.ofVirtual().start(() -> {
            try {
                magnet.generate("Once", options(200)).forEach(token -> busy(20));
                outcome.complete("came to its end");
            } catch (MagnetException e) {
                outcome.complete(e.status() + " " + Thread.currentThread().isInterrupted());
            }
        });
        Thread.sleep(100);
        thread.interrupt();
        assertEquals("CANCELLED true", outcome.get());
    }

    @Test
    void samplingOutOfRangeIsRefused() {
        for (Sampling bad : List.of(
                Sampling.defaults().withTemperature(Double.NaN),
                Sampling.defaults().withTemperature(-1),
                Sampling.defaults().withTopP(2),
                Sampling.defaults().withMinP(Double.NaN),
                Sampling.defaults().withTopK(-5),
                Sampling.defaults().withSeed(-2),
                Sampling.defaults().withRepeatPenalty(0),
                Sampling.defaults().withLogitBias(Map.of(-1, 1f)))) {
            Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                    magnet.generate("x", options(3).withSampling(bad)).result());
        }
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Passes time without seeing an interrupt. */
    private static void busy(int millis) {
        long end = System.nanoTime() + millis * 1_000_000L;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }
}
