package dev.magnet.bench;

import dev.magnet.Engine;
import dev.magnet.GenerateOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;

/**
 * Many callers of one model, by the number of its sessions: what they get together, how long a call takes, and how much
 * memory the process has.
 */
public final class Callers {
    private static final double SECONDS = Double.parseDouble(System.getProperty("bench.seconds", "4"));
    private static final GenerateOptions GREEDY =
            GenerateOptions.defaults().withTemperature(0).withIgnoreEos(true).withMaxTokens(32);

    private Callers() {}

    /**
     * Takes numbers of callers. System properties: {@code magnet.model} and {@code magnet.library} name files;
     * {@code bench.sessions} (numbers of sessions, by comma; 0 = what is the default), {@code bench.engine}
     * ({@code auto}, {@code fused} or {@code graph}), {@code bench.work} ({@code generate} or {@code embed}), and
     * {@code bench.seconds} of each row.
     */
    public static void main(String[] args) throws Exception {
        var engine = Engine.valueOf(System.getProperty("bench.engine", "auto").toUpperCase(Locale.ROOT));
        boolean embeds = System.getProperty("bench.work", "generate").equals("embed");
        int[] sessions = numbers(System.getProperty("bench.sessions", "0").split(","));
        System.out.printf("sessions callers %s/s  p50 ms  p99 ms  MB%n", embeds ? "texts" : "tokens");
        for (int n : sessions) {
            LoadOptions options = LoadOptions.defaults().withEngine(engine);
            for (int callers : numbers(args)) {
                try (Magnet magnet = Magnet.load(Path.of(Work.model()), n == 0 ? options : options.withSessions(n))) {
                    ToLongFunction<String> call = embeds ? text -> magnet.embed(text).length == 0 ? 0 : 1
                            : text -> magnet.generate(text, GREEDY).result().span().tokens().size();
                    call.applyAsLong("what is made once");
                    System.out.println(n + " " + callers + " " + measure(callers, call));
                }
            }
        }
    }

    private static int[] numbers(String[] texts) {
        return Arrays.stream(texts).mapToInt(Integer::parseInt).toArray();
    }

    private static String measure(int callers, ToLongFunction<String> call) throws IOException, InterruptedException {
        List<String> texts = Work.sentences(callers);
        var done = new AtomicLong();
        var times = new ConcurrentLinkedQueue<Double>();
        var start = new CountDownLatch(1);
        long[] end = new long[1];
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            String text = texts.get(i);
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    start.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                for (long now = System.nanoTime(); now < end[0]; now = System.nanoTime()) {
                    done.addAndGet(call.applyAsLong(text));
                    times.add((System.nanoTime() - now) / 1e6);
                }
            }));
        }
        long begin = System.nanoTime();
        end[0] = begin + (long) (SECONDS * 1e9);
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        List<Double> sorted = times.stream().sorted().toList();
        return "%.0f %.0f %.0f %d".formatted(
                done.get() / seconds, sorted.get(sorted.size() / 2), sorted.get(sorted.size() * 99 / 100), megabytes());
    }

    /** Of this process, in memory. */
    private static long megabytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
            }
        }
        return 0;
    }
}
