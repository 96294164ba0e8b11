package dev.magnet.bench;

import dev.magnet.GenerateOptions;
import dev.magnet.Magnet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** Texts and tokens per second of the API. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 2, time = 3)
public class MagnetBenchmark {
    private final List<String> sentences = Work.sentences(Work.TEXTS);
    private final List<String> many = Work.sentences(Work.MANY);
    private final AtomicInteger next = new AtomicInteger();
    private final GenerateOptions greedy = Work.greedy();
    private Magnet magnet;

    @Setup
    public void load() {
        magnet = Work.load();
    }

    @TearDown
    public void close() {
        magnet.close();
    }

    private String sentence() {
        return sentences.get(next.getAndIncrement() & (Work.TEXTS - 1));
    }

    /** Texts, one call for each. */
    @Benchmark
    public float[] embedOne() {
        return magnet.embed(sentence());
    }

    /** Texts, one call for all. */
    @Benchmark
    @OperationsPerInvocation(Work.TEXTS)
    public float[][] embedPacked() {
        return magnet.embed(sentences);
    }

    /** Texts, one call for as many as the magnet program embeds in one. */
    @Benchmark
    @OperationsPerInvocation(Work.MANY)
    public float[][] embedMany() {
        return magnet.embed(many);
    }

    /** Texts, each from a thread of its own that waits for its vector. */
    @Benchmark
    @Threads(Work.TEXTS)
    public float[] embedAsync() {
        return magnet.embedAsync(sentence()).join();
    }

    /** Tokens. The prompt comes from the cache, as it does for every side. */
    @Benchmark
    @OperationsPerInvocation(Work.TOKENS)
    public String generate() {
        return magnet.generate(Work.PROMPT, greedy).text();
    }
}
