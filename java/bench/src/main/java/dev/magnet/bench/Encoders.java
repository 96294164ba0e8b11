package dev.magnet.bench;

import dev.langchain4j.data.segment.TextSegment;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Similarity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** MAGNET and LangChain4j's in-process MiniLM on the same sentences, in turn: speed beside quality. */
final class Encoders {
    /** Texts per second of every run, and Spearman's correlation x100 with the gold scores, or NaN without any. */
    record Result(List<Double> rates, double spearman) {}

    /** A pair of texts and how alike people find them. */
    private record Pair(double score, String left, String right) {}

    private final List<Pair> pairs;
    private final List<String> sentences;

    /** @param sts TSV of score and two texts, or null: speed alone, on made-up sentences */
    Encoders(@Nullable Path sts) throws IOException {
        pairs = sts == null ? List.of() : read(sts);
        sentences = sts == null
                ? Work.sentences(8 * Work.TEXTS)
                : pairs.stream().flatMap(pair -> Stream.of(pair.left, pair.right)).toList();
    }

    private static List<Pair> read(Path sts) throws IOException {
        return Files.readAllLines(sts).stream()
                .filter(line -> !line.isBlank())
                .map(line -> line.split("\t"))
                .map(columns -> new Pair(Double.parseDouble(columns[0]), columns[1], columns[2]))
                .toList();
    }

    int texts() {
        return sentences.size();
    }

    /**
     * MAGNET's result and MiniLM's.
     *
     * @param adapter of MAGNET, or null
     */
    List<Result> compare(@Nullable Path adapter, int rounds) throws IOException, InterruptedException {
        LoadOptions options = LoadOptions.defaults().withThreads(Work.THREADS);
        if (adapter != null) {
            options = options.withAdapters(adapter);
        }
        var miniLm = new MiniLm();
        try (Magnet magnet = Magnet.load(Path.of(Work.model()), options)) {
            return inTurn(rounds, magnet::embed, texts -> miniLm
                    .embedAll(texts.stream().map(TextSegment::from).toList())
                    .content().stream()
                    .map(embedding -> embedding.vector())
                    .toArray(float[][]::new));
        }
    }

    @SafeVarargs
    private List<Result> inTurn(int rounds, Function<List<String>, float[][]>... sides)
            throws IOException, InterruptedException {
        double[] spearman = Stream.of(sides) // warms up, too
                .mapToDouble(side -> spearman(side.apply(sentences)))
                .toArray();
        List<List<Double>> rates = Turns.of(rounds, Stream.of(sides)
                .map(side -> (Turns.Side) () -> List.of(rate(side)))
                .toArray(Turns.Side[]::new));
        return IntStream.range(0, sides.length)
                .mapToObj(i -> new Result(rates.get(i), spearman[i]))
                .toList();
    }

    private double rate(Function<List<String>, float[][]> side) {
        long begin = System.nanoTime();
        side.apply(sentences);
        return sentences.size() / ((System.nanoTime() - begin) * 1e-9);
    }

    private double spearman(float[][] vectors) {
        if (pairs.isEmpty()) {
            return Double.NaN;
        }
        double[] cosines = IntStream.range(0, pairs.size())
                .mapToDouble(i -> Similarity.cosine(vectors[2 * i], vectors[2 * i + 1]))
                .toArray();
        return 100 * correlation(ranks(cosines), ranks(pairs.stream().mapToDouble(Pair::score).toArray()));
    }

    /** Equal values share the mean of their ranks. */
    private static double[] ranks(double[] values) {
        int[] order = IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> values[i]))
                .mapToInt(i -> i)
                .toArray();
        double[] ranks = new double[values.length];
        for (int begin = 0, end; begin < order.length; begin = end) {
            for (end = begin; end < order.length && values[order[end]] == values[order[begin]]; end++) {}
            for (int i = begin; i < end; i++) {
                ranks[order[i]] = (begin + end - 1) / 2.0;
            }
        }
        return ranks;
    }

    private static double correlation(double[] a, double[] b) {
        double meanA = Arrays.stream(a).average().orElse(0);
        double meanB = Arrays.stream(b).average().orElse(0);
        double product = 0;
        double squaresA = 0;
        double squaresB = 0;
        for (int i = 0; i < a.length; i++) {
            product += (a[i] - meanA) * (b[i] - meanB);
            squaresA += (a[i] - meanA) * (a[i] - meanA);
            squaresB += (b[i] - meanB) * (b[i] - meanB);
        }
        return product / Math.sqrt(squaresA * squaresB);
    }
}
