package dev.magnet.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
     * {@code magnet.binary} name files; {@code bench.threads} is the number of threads of every side (all processors);
     * {@code bench.sts} a TSV of score and two texts; {@code bench.adapter} the adapter of MAGNET that is judged by it;
     * {@code bench.quick=true} measures little.
     */
    public static void main(String[] args) throws IOException, InterruptedException {
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
        List<List<Double>> starts = StartUp.milliseconds(quick ? 3 : 10, "magnet", "minilm", "jvm");
        List<String> peers = List.of("LangChain4j MiniLM", "the JVM alone");
        for (int i = 0; i < peers.size(); i++) {
            row("JVM start to first embedding", "ms", peers.get(i), starts.get(0), starts.get(1 + i))
                    .put("paired", true);
        }
    }

    private void encoders() throws IOException, InterruptedException {
        var encoders = new Encoders(path("bench.sts"));
        List<Encoders.Result> results = encoders.compare(path("bench.adapter"), quick ? 2 : 5);
        ObjectNode row = row("embed, " + encoders.texts() + " sentences a call", "sentences/s", "LangChain4j MiniLM",
                results.get(0).rates(), results.get(1).rates());
        row.put("paired", true);
        row.put("note", "STS Spearman x100: %.1f beside %.1f"
                .formatted(results.get(0).spearman(), results.get(1).spearman()));
    }

    private static @Nullable Path path(String property) {
        String value = System.getProperty(property, "");
        return value.isEmpty() ? null : Path.of(value);
    }

    private void api() throws IOException, InterruptedException {
        int turns = quick ? 2 : 3;
        var program = quick ? new Program(1, 1) : new Program(2, 3);

        List<List<Double>> many = Turns.of(turns, java("embedMany"), program::embedMany);
        row("embed, " + Work.MANY + " texts a call", "texts/s", "magnet program", many.get(0), many.get(1))
                .put("agreement", Agreement.vectors(program));

        List<List<Double>> text = Turns.of(turns, java("generate"), program::generate, jni("generate"));
        row("generate", "tokens/s", "magnet program", text.get(0), text.get(1))
                .put("agreement", Agreement.text(program));
        row("generate", "tokens/s", "de.kherud:llama (JNI)", text.get(0), text.get(2))
                .put("note", Agreement.jniText());

        List<List<Double>> callers = Turns.of(turns, java("embedAsync"), java("embedPacked"));
        row("embedAsync, " + Work.TEXTS + " callers", "texts/s", "one packed call", callers.get(0), callers.get(1))
                .put("agreement", Agreement.callers());

        List<List<Double>> one = Turns.of(turns, java("embedOne"), jni("embedOne"));
        row("embed, one by one", "texts/s", "de.kherud:llama (JNI)", one.get(0), one.get(1))
                .put("note", "vectors cannot be compared: JNI's attention is causal, its pooling its own");
    }

    private Turns.Side java(String benchmark) {
        return () -> jmh(MagnetBenchmark.class, benchmark);
    }

    private Turns.Side jni(String benchmark) {
        return () -> jmh(JniBenchmark.class, benchmark);
    }

    /** The iterations of one fork. */
    private List<Double> jmh(Class<?> side, String benchmark) throws IOException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(side.getName() + "." + benchmark + "$")
                .shouldFailOnError(true)
                .jvmArgsAppend(Jvm.arguments().toArray(String[]::new));
        if (quick) {
            TimeValue second = TimeValue.seconds(1);
            options.warmupIterations(1).warmupTime(second).measurementIterations(1).measurementTime(second);
        }
        List<Double> scores = new ArrayList<>();
        try {
            for (RunResult result : new Runner(options.build()).run()) {
                for (BenchmarkResult fork : result.getBenchmarkResults()) {
                    for (IterationResult iteration : fork.getIterationResults()) {
                        scores.add(iteration.getPrimaryResult().getScore());
                    }
                }
            }
        } catch (RunnerException e) {
            throw new IOException(e);
        }
        return scores;
    }
}
