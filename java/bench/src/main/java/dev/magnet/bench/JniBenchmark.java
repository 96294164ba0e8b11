package dev.magnet.bench;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The same of de.kherud:llama, which embeds one text a call. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 2, time = 3)
public class JniBenchmark {
    private final List<String> sentences = Work.sentences(Work.TEXTS);
    private final InferenceParameters greedy = greedy();
    private LlamaModel model;
    private int next;

    /** Writes the continuation of the prompt to a file, in a JVM of its own. */
    static final class Text {
        private Text() {}

        public static void main(String[] args) throws IOException {
            try (var model = new LlamaModel(parameters())) {
                Files.writeString(Path.of(args[0]), model.complete(greedy()));
            }
            Runtime.getRuntime().halt(0); // a thread of the binding's never ends
        }
    }

    private static InferenceParameters greedy() {
        return new InferenceParameters(Work.PROMPT)
                .setTemperature(0)
                .setNPredict(Work.TOKENS)
                .setIgnoreEos(true)
                .setCachePrompt(true);
    }

    private static ModelParameters parameters() {
        return new ModelParameters()
                .setModel(Work.model())
                .setThreads(Work.THREADS)
                .setThreadsBatch(Work.THREADS)
                .setCtxSize(2048)
                .disableLog();
    }

    @TearDown
    public void close() {
        model.close();
    }

    /** Texts, one call for each. */
    @Benchmark
    public float[] embedOne() {
        if (model == null) {
            model = new LlamaModel(parameters().enableEmbedding());
        }
        return model.embed(sentences.get(next++ & (Work.TEXTS - 1)));
    }

    /** Tokens. */
    @Benchmark
    @OperationsPerInvocation(Work.TOKENS)
    public String generate() {
        if (model == null) {
            model = new LlamaModel(parameters());
        }
        return model.complete(greedy);
    }
}
