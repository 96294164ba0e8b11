package dev.magnet;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What fails is said in the words of this API, by every verb. */
class MessagesTest {
    /** What only who programs in C knows: fields, enums, types, NULL, sessions that they make. */
    private static final Pattern C =
            Pattern.compile("(?<![/\"\\w.])[a-z]+_[a-z_]+\\b(?!\\.\\w)|MAGNET_|\\benum |NULL|\\bsession\\b|-INFINITY");

    @TempDir
    static Path directory;

    private static Magnet magnet;
    private static Path text;

    @BeforeAll
    static void load() throws IOException {
        magnet = TinyModel.load();
        text = TinyTraining.writeText(directory.resolve("text.txt"));
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    /** Whether a message is fit for a program in Java; what it quotes is the caller's own. */
    static void assertSpeaksJava(String message) {
        assertTrue(!C.matcher(message.replaceAll("(?s)\".*\"", "")).find(), message);
    }

    @Test
    void optionsAreCalledAsTheirComponents() {
        EmbedOptions embed = EmbedOptions.defaults();
        GenerateOptions generate = GenerateOptions.defaults();
        InfillOptions infill = InfillOptions.defaults();
        Sampling greedy = Sampling.greedy();
        Evaluation.infill(text);
        Map<String, Executable> calls = Map.ofEntries(
                entry("maxTokens is -5", () -> magnet.embed("text", embed.withMaxTokens(-5))),
                entry("LoadOptions.ctx, 256", () -> magnet.embed("text", embed.withMaxTokens(999))),
                entry("Raise maxTokens", () ->
                        magnet.embed("text", embed.withMaxTokens(3).withInstruction("an instruction of many words"))),
                entry("maxTokens is -2", () -> generate(generate.withMaxTokens(-2))),
                entry("top is 101", () -> generate(generate.withTop(101))),
                entry("sampling.topP is 0", () -> generate(generate.withSampling(greedy.withTopP(0)))),
                entry("sampling.minP is 1", () -> generate(generate.withSampling(greedy.withMinP(1)))),
                entry("sampling.repeatPenalty is 0", () -> generate(generate.withSampling(greedy.withRepeatPenalty(0)))),
                entry("sampling.penaltyLastN is -2", () -> generate(generate.withSampling(greedy.withPenaltyLastN(-2)))),
                entry("the grammar, line 1, column 11: expected \")\"", () -> generate(generate.withGrammar("root ::= ("))),
                entry("the schema is no JSON: line 2, column 4", () -> generate(generate.withSchema("{\"type\":\n  nothing}"))),
                entry("the schema is no JSON: line 1, column 1", () -> generate(generate.withSchema(""))),
                entry("the schema, at /properties/a: \"multipleOf\" is not supported", () -> generate(generate.withSchema(
                        "{\"properties\": {\"a\": {\"type\": \"integer\", \"multipleOf\": 2}}}"))),
                entry("a token of sampling.logitBias is 99999", () ->
                        generate(generate.withSampling(greedy.withLogitBias(Map.of(99999, 1f))))),
                entry("a bias of sampling.logitBias is inf; it must be finite or Float.NEGATIVE_INFINITY", () ->
                        generate(generate.withSampling(greedy.withLogitBias(Map.of(9, Float.POSITIVE_INFINITY))))),
                entry("at most 256 are read here. Shorten it", () -> magnet.generate("x".repeat(999)).text()),
                entry("maxTokens is 0", () -> infill(infill.withMaxTokens(0))),
                entry("sampling.topK is -1", () -> infill(infill.withSampling(greedy.withTopK(-1)))),
                entry("at most 256 are read here. Shorten it or the gaps", () -> infill(infill.withMaxTokens(999))),
                entry("top is -1", () -> magnet.score(
                        List.of(List.of(Part.text("a"), Part.filled("b"))), ScoreOptions.defaults().withTop(-1))));
        calls.forEach(MessagesTest::says);
    }

    @Test
    void thoseOfEvaluationsToo() {
        InfillEvaluation infill = Evaluation.infill(text);
        RepetitionEvaluation repetition = Evaluation.repetition(text);
        Map<String, Evaluation> evaluations = Map.ofEntries(
                entry("limit is -1", Evaluation.sts(text).withLimit(-1)),
                entry("gaps.count is 0", infill.withGaps(InfillEvaluation.Gaps.sentences(0))),
                entry("gaps.min is 0", infill.withGaps(InfillEvaluation.Gaps.spans(1, 0, 4))),
                entry("gaps.max is 3", infill.withGaps(InfillEvaluation.Gaps.spans(1, 4, 3))),
                entry("gaps.window is 1", infill.withGaps(new InfillEvaluation.Gaps.Spans(1, 1, 4, 1))),
                entry("seed is -1", infill.withSeed(-1)),
                entry("window is 1", Evaluation.perplexity(text).withWindow(1)),
                entry("prefixWords is 0", repetition.withPrefixWords(0)),
                entry("maxTokens is 0", repetition.withMaxTokens(0)),
                entry("sampling.minP is 2", repetition.withSampling(Sampling.defaults().withMinP(2))),
                entry("trainLimit is -1", Evaluation.probe(text, text).withTrainLimit(-1)),
                entry("l2[1] is 0", Evaluation.probe(text, text).withL2(0.1, 0)),
                entry("cutoffs[0] is 0", Evaluation.retrieval(text, text, text).withCutoffs(0)));
        evaluations.forEach((says, evaluation) -> says(says, () -> magnet.evaluate(evaluation)));
        says("long.jsonl:1: the line has", () -> magnet.evaluate(
                Evaluation.choice(Files.writeString(
                        directory.resolve("long.jsonl"),
                        "{\"query\": \"%s\", \"choices\": [\"a\", \"b\"], \"gold\": 0}\n".formatted("q".repeat(999))))));
    }

    @Test
    void thoseOfTrainingToo() {
        TrainOptions options = TinyTraining.options(text);
        RowOptions rows = options.rows();
        OptimizerOptions optimizer = options.optimizer();
        Map<String, TrainOptions> all = Map.ofEntries(
                entry("rows.maxSpans is 0", options.withRows(rows.withMaxSpans(0))),
                entry("rows.spanMax is 3", options.withRows(rows.withSpanMin(4).withSpanMax(3))),
                entry("rows.sentenceShare is 2", options.withRows(rows.withSentenceShare(2))),
                entry("rows.shareHybrid and rows.maskRate", options.withRows(rows.withShareHybrid(0))
                        .withStages(new TrainStage(2, 1, 0, 0))),
                entry("contrast.textShare is -2", options.withContrast(options.contrast().withTextShare(-2))),
                entry("contrast.dropRate is 3", options.withContrast(options.contrast().withDropRate(3))),
                entry("lora.rank is 0", options.withLora(options.lora().withRank(0))),
                entry("optimizer.learningRateEnd is 2", options.withOptimizer(optimizer.withLearningRateEnd(2))),
                entry("optimizer.weightDecay is -1", options.withOptimizer(optimizer.withWeightDecay(-1))),
                entry("heldout.every is -1", options.withHeldout(options.heldout().withEvery(-1))),
                entry("checkpointEvery is 0", options.withCheckpointEvery(0)),
                entry("threads is -5", options.withThreads(-5)),
                entry("gpuLayers is -2", options.withGpuLayers(-2)));
        all.forEach((says, bad) -> {
            says(says, () -> Trainer.of(TinyModel.LLAMA, directory.resolve("never.gguf"), bad).train());
            says(says, () -> Trainer.estimate(TinyModel.LLAMA, bad));
        });
    }

    @Test
    void adviceNamesWhatAProgramCalls() {
        try (Magnet narrow = Magnet.load(TinyModel.LLAMA, LoadOptions.defaults().withCtx(32))) {
            says("load the model with a larger LoadOptions.ctx", () -> narrow.generate("x".repeat(99)).text());
        }
        LoadOptions fused = TinyModel.options().withEngine(Engine.FUSED);
        says("use Engine.GRAPH", () -> Magnet.load(golden("tiny-gpt2.gguf"), fused));
        says("use Engine.GRAPH", () -> Trainer.estimate(
                golden("tiny-gpt2.gguf"), TinyTraining.options(text).withEngine(Engine.FUSED)));
        says("withOverwrite(true)", () -> Trainer.of(TinyModel.LLAMA, text, TinyTraining.options(text)
                        .withTexts(TinyTraining.writeText(directory.resolve("other.txt")))).train());
    }

    private static Path golden(String name) {
        return TinyModel.LLAMA.resolveSibling(name);
    }

    private static void generate(GenerateOptions options) {
        magnet.generate("Once", options).result();
    }

    private static void infill(InfillOptions options) {
        magnet.infill(List.of(Part.text("Once"), Part.gap(), Part.text("time")), options);
    }

    private static void says(String words, Executable call) {
        try {
            call.execute();
        } catch (MagnetException e) {
            assertTrue(e.getMessage().contains(words), () -> "\"" + words + "\" is not in: " + e.getMessage());
            assertSpeaksJava(e.getMessage());
            return;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("was not refused: " + words);
    }
}
