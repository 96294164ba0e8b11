package dev.magnet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/** Makes many calls of every kind, and prints the memory of the process in KiB, again and again. {@link SoakTest} runs it. */
final class Soak {
    private static final int KINDS = 15;
    private static final int WINDOWS = 5;

    private final Magnet magnet;
    private final Adapter adapter;
    private final Path adapterFile;
    private final Evaluation evaluation;
    private final Random random = new Random(1);

    private Soak(Magnet magnet, Adapter adapter, Path adapterFile) throws IOException {
        this.magnet = magnet;
        this.adapter = adapter;
        this.adapterFile = adapterFile;
        this.evaluation = Evaluation.sts(
                Files.writeString(adapterFile.resolveSibling("pairs.tsv"), "1\tone\ttwo\n2\tthree\tthree\n"));
    }

    /** Arguments: an adapter's file; number of calls; the only kind of them, or -1 for all. */
    public static void main(String[] args) throws Exception {
        Path adapterFile = Path.of(args[0]);
        int calls = Integer.parseInt(args[1]);
        int kind = Integer.parseInt(args[2]);
        try (Magnet magnet = TinyModel.load();
                Adapter adapter = magnet.loadAdapter(adapterFile)) {
            var soak = new Soak(magnet, adapter, adapterFile);
            soak.run(calls / 5, kind);
            System.out.println("memory " + nativeKib());
            for (int i = 0; i < WINDOWS; i++) {
                soak.run(calls / WINDOWS, kind);
                System.out.println("memory " + nativeKib());
            }
        }
    }

    /** Memory of the process that no file backs; the Java heap is part of it, of fixed size and touched at start. */
    static long nativeKib() throws IOException, InterruptedException {
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(100);
        }
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("RssAnon:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("no RssAnon in /proc/self/status");
    }

    private void run(int calls, int kind) {
        for (int i = 0; i < calls; i++) {
            call(kind < 0 ? random.nextInt(KINDS) : kind);
        }
    }

    private void call(int kind) {
        GenerateOptions generate = GenerateOptions.defaults().withMaxTokens(4).withIgnoreEos(true);
        switch (kind) {
            case 0 -> magnet.embed("text " + random.nextInt());
            case 1 -> magnet.embed("a", "bb", "text " + random.nextInt(), "x".repeat(random.nextInt(100)));
            case 2 -> magnet.embedAsync("text " + random.nextInt()).join();
            case 3 -> magnet.embedTokens("text " + random.nextInt(), EmbedOptions.defaults());
            case 4 -> magnet.generate("Once " + random.nextInt(), generate.withTop(3)).text();
            case 5 -> {
                try (var stream = magnet.generate("Once", generate.withMaxTokens(20)).stream()) {
                    stream.limit(2).toList();
                }
            }
            case 6 -> magnet.generate("Once", generate.withGrammar("root ::= [a-z]+")).async().join();
            case 7 -> magnet.infill(List.of(Part.text("text " + random.nextInt()), Part.gap(2), Part.text("end")));
            case 8 -> magnet.score("given", "one " + random.nextInt(), "two");
            case 9 -> refused(() -> magnet.generate("x".repeat(1000), generate).text());
            case 10 -> refused(() -> magnet.generate("x", generate).forEach(token -> {
                throw new MagnetException(Status.CANCELLED, "the listener's own");
            }));
            case 11 -> magnet.embed("text", EmbedOptions.defaults().withAdapters(adapter.scaled(random.nextFloat())));
            case 12 -> magnet.detokenize(magnet.tokenize("text " + random.nextInt()));
            case 13 -> magnet.evaluate(evaluation);
            default -> {
                if (random.nextInt(20) == 0) {
                    magnet.loadAdapter(adapterFile).close();
                    try (Magnet other = Magnet.load(TinyModel.QWEN2, TinyModel.options())) {
                        other.embed("text");
                    }
                }
            }
        }
    }

    private static void refused(Runnable call) {
        try {
            call.run();
        } catch (MagnetException e) {
            return;
        }
        throw new AssertionError("was not refused");
    }
}
