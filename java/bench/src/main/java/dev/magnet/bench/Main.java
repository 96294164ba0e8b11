package dev.magnet.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.GenerateOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Measures the API beside its peers, and writes what it found as JSON. */
public final class Main {
    private final ArrayNode rows = new ObjectMapper().createArrayNode();
    private final boolean quick = Boolean.getBoolean("bench.quick");

    private Main() {}

    /**
     * Takes the JSON file to write. System properties: {@code magnet.model}, {@code magnet.library} and
     * {@code magnet.binary} name files; {@code bench.sts} a TSV of score and two texts; {@code bench.adapter} the adapter
     * of MAGNET that is judged by it; {@code bench.quick=true} measures little.
     */
    public static void main(String[] args) throws IOException, InterruptedException, RunnerException {
        var main = new Main();
        main.startUp();
        main.encoders();
        main.api();
        ObjectNode report = new ObjectMapper().createObjectNode();
        report.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        report.put("threads", Work.THREADS);
        report.set("rows", main.rows);
        new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(Path.of(args[0]).toFile(), report);
    }

    private ObjectNode row(String what, String unit, String peer, List<Double> ours, List<Double> theirs) {
        ObjectNode row = rows.addObject();
        row.put("what", what).put("unit", unit).put("side", "magnet, Java").put("peer", peer);
        ours.forEach(row.putArray("side_values")::add);
        theirs.forEach(row.putArray("peer_values")::add);
        return row;
    }

    private void startUp() throws IOException, InterruptedException {
        int starts = quick ? 3 : 10;
        StartUp.milliseconds("magnet", 1); // fills the page cache
        List<Double> magnet = StartUp.milliseconds("magnet", starts);
        row("JVM start to first embedding", "ms", "LangChain4j MiniLM", magnet, StartUp.milliseconds("minilm", starts));
        row("JVM start to first embedding", "ms", "the JVM alone", magnet, StartUp.milliseconds("jvm", starts));
    }

    private void encoders() throws IOException {
        var encoders = new Encoders(path("bench.sts"));
        List<Encoders.Result> results = encoders.compare(path("bench.adapter"), quick ? 2 : 5);
        ObjectNode row = row("embed, " + encoders.texts() + " sentences a call", "sentences/s", "LangChain4j MiniLM",
                results.get(0).rates(), results.get(1).rates());
        row.put("paired", true);
        row.put("note", "STS Spearman x100: %.1f beside %.1f".formatted(results.get(0).spearman(), results.get(1).spearman()));
    }

    private static @Nullable Path path(String property) {
        String value = System.getProperty(property, "");
        return value.isEmpty() ? null : Path.of(value);
    }

    private void api() throws IOException, InterruptedException, RunnerException {
        var program = quick ? new Program(2, 1) : new Program(5, 8);
        String embedding = sameVectors(program);
        String generation = sameText(program);
        Map<String, List<Double>> rates = new HashMap<>();
        rates.put("program.embedPacked", program.embedPacked());
        rates.put("program.generate", program.generate());
        for (RunResult result : new Runner(options().build()).run()) {
            String name = result.getParams().getBenchmark();
            String side = name.contains("Jni") ? "jni" : "java";
            rates.put(side + name.substring(name.lastIndexOf('.')), scores(result));
        }
        compare(rates, "embed, 64 texts a call", "texts/s", "java.embedPacked", "magnet program", "program.embedPacked")
                .put("agreement", embedding);
        compare(rates, "generate", "tokens/s", "java.generate", "magnet program", "program.generate")
                .put("agreement", generation);
        compare(rates, "embedAsync, 64 callers", "texts/s", "java.embedAsync", "one packed call", "java.embedPacked");
        compare(rates, "embed, one by one", "texts/s", "java.embedOne", "de.kherud:llama (JNI)", "jni.embedOne");
        compare(rates, "generate", "tokens/s", "java.generate", "de.kherud:llama (JNI)", "jni.generate");
    }

    private ObjectNode compare(
            Map<String, List<Double>> rates, String what, String unit, String ours, String peer, String theirs) {
        return row(what, unit, peer, Objects.requireNonNull(rates.get(ours), ours),
                Objects.requireNonNull(rates.get(theirs), theirs));
    }

    private ChainedOptionsBuilder options() {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(MagnetBenchmark.class.getName())
                .include(JniBenchmark.class.getName())
                .shouldFailOnError(true)
                .jvmArgsAppend(
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dmagnet.model=" + Work.model(),
                        "-Dmagnet.library=" + System.getProperty("magnet.library"));
        if (quick) {
            TimeValue second = TimeValue.seconds(1);
            options.warmupIterations(1).warmupTime(second).measurementIterations(2).measurementTime(second);
        }
        return options;
    }

    private static List<Double> scores(RunResult result) {
        List<Double> scores = new ArrayList<>();
        for (BenchmarkResult fork : result.getBenchmarkResults()) {
            for (IterationResult iteration : fork.getIterationResults()) {
                scores.add(iteration.getPrimaryResult().getScore());
            }
        }
        return scores;
    }

    private static Magnet load() {
        return Magnet.load(Path.of(Work.model()), LoadOptions.defaults().withThreads(Work.THREADS));
    }

    private static String sameVectors(Program program) throws IOException, InterruptedException {
        float[] theirs = program.vectors(Work.TEXTS);
        double furthest = 0;
        try (Magnet magnet = load()) {
            float[][] ours = magnet.embed(Work.sentences(Work.TEXTS));
            for (int i = 0; i < theirs.length; i++) {
                furthest = Math.max(furthest, Math.abs(ours[i / ours[0].length][i % ours[0].length] - theirs[i]));
            }
        }
        return "vectors within %.1e".formatted(furthest);
    }

    private static String sameText(Program program) throws IOException, InterruptedException {
        try (Magnet magnet = load()) {
            String ours = magnet.generate(Work.PROMPT, GenerateOptions.defaults()
                            .withTemperature(0)
                            .withMaxTokens(Work.TOKENS)
                            .withIgnoreEos(true))
                    .text();
            return ours.equals(program.text()) ? "same text" : "other text";
        }
    }
}
