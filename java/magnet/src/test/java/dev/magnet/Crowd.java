package dev.magnet;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Sixty-four threads that make calls of every kind on one model, and disturb them in every way. Prints what went wrong, and
 * the memory of the process after each round, when the model is closed. {@link CrowdTest} runs it.
 */
final class Crowd {
    private static final int THREADS = 64;
    private static final int ROUNDS = 5;
    private static final int LONGEST = 4000; // tokens of a prompt, which are bytes
    private static final int TASKS = 60;
    private static final int KINDS = 9;

    /** How a call is disturbed. */
    private enum Fate { NONE, CANCEL, INTERRUPT, TIMEOUT, THROW }

    /** A call, and what it says when it is alone. */
    private record Task(int kind, boolean graph, boolean adapted, String prompt, int tokens, Object alone) {}

    private final Magnet fused;
    private final Magnet graph;
    private final Adapter ofFused;
    private final Adapter ofGraph;
    private final List<Task> tasks;
    private final Queue<String> faults = new ConcurrentLinkedQueue<>();
    private final ScheduledExecutorService disturber = Executors.newSingleThreadScheduledExecutor();

    /** @param tasks those of the round before; made anew if there are none */
    private Crowd(Magnet fused, Magnet graph, Adapter ofFused, Adapter ofGraph, List<Task> tasks) {
        this.fused = fused;
        this.graph = graph;
        this.ofFused = ofFused;
        this.ofGraph = ofGraph;
        this.tasks = tasks;
        if (tasks.isEmpty()) {
            makeTasks();
        }
    }

    /** Arguments: a model that reads more than {@link #LONGEST} tokens; an adapter for it; number of calls. */
    public static void main(String[] args) throws Exception {
        Path model = Path.of(args[0]);
        Path adapter = Path.of(args[1]);
        int calls = Integer.parseInt(args[2]);
        LoadOptions same = LoadOptions.defaults().withReusePrefix(false); // the same bits, whatever runs beside a call
        var tasks = new ArrayList<Task>();
        for (int i = 0; i < ROUNDS; i++) {
            try (Magnet fused = Magnet.load(model, same.withEngine(Engine.FUSED));
                    Magnet graph = Magnet.load(model, same.withEngine(Engine.GRAPH).withThreads(1));
                    Adapter ofFused = fused.loadAdapter(adapter);
                    Adapter ofGraph = graph.loadAdapter(adapter)) {
                var crowd = new Crowd(fused, graph, ofFused, ofGraph, tasks);
                crowd.round(calls / ROUNDS);
                crowd.faults.forEach(fault -> System.out.println("fault " + fault));
            }
            System.out.println("memory " + Soak.nativeKib());
        }
        System.out.println("over");
    }

    private void makeTasks() {
        var random = new Random(7);
        for (int i = 0; i < TASKS; i++) {
            int length = (int) Math.round(Math.exp(random.nextDouble() * Math.log(LONGEST))); // short ones as often as long ones
            int kind = i % KINDS;
            if (kind == 4) {
                length = Math.min(length, 1000); // one pass, and it costs the square
            }
            var prompt = new StringBuilder();
            for (int c = 0; c < length; c++) {
                prompt.append((char) ('a' + random.nextInt(26)));
            }
            var task = new Task(kind, i % 4 == 3, random.nextBoolean(), prompt.toString(), 1 + random.nextInt(8), "");
            Object alone = whole(task);
            tasks.add(new Task(task.kind, task.graph, task.adapted, task.prompt, task.tokens, alone));
        }
    }

    /** Makes that many calls. */
    private void round(int calls) throws InterruptedException {
        var next = new AtomicInteger();
        var done = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int call = next.getAndIncrement(); call < calls; call = next.getAndIncrement()) {
                    Task task = tasks.get(call % TASKS);
                    Fate fate = Fate.values()[new Random(call).nextInt(Fate.values().length)];
                    try {
                        call(task, fate, new Random(call).nextInt(30));
                    } catch (Throwable e) {
                        faults.add("call " + call + ", " + fate + ": " + e);
                    }
                    if (Thread.interrupted()) {
                        faults.add("call " + call + ", " + fate + " leaves its thread interrupted");
                    }
                    done.incrementAndGet();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (done.get() != calls) {
            faults.add(calls - done.get() + " calls are lost");
        }
        disturber.shutdownNow();
    }

    private void call(Task task, Fate fate, int milliseconds) {
        if (task.kind >= 5) {
            Object now = whole(task);
            check(task.alone instanceof float[] vector ? Arrays.equals(vector, (float[]) now) : task.alone.equals(now),
                    "says something else");
            return;
        }
        Duration timeout = fate == Fate.TIMEOUT ? Duration.ofMillis(milliseconds) : null;
        Generation<?> generation = generation(task, timeout);
        if (fate == Fate.CANCEL) {
            disturber.schedule(generation::cancel, milliseconds, TimeUnit.MILLISECONDS);
        }
        var mine = new IllegalStateException("the listener's own");
        Consumer<Token> listener = token -> {
            if (fate == Fate.THROW) {
                throw mine;
            }
            if (fate == Fate.INTERRUPT) {
                Thread.currentThread().interrupt();
            }
        };
        try {
            Object result = generation.forEach(listener);
            check(fate != Fate.THROW && fate != Fate.INTERRUPT, "does not end as its listener wants");
            String text = textOf(result);
            boolean whole = fate == Fate.NONE;
            check(whole ? task.alone.equals(text) : ((String) task.alone).startsWith(text), "says something else");
        } catch (IllegalStateException e) {
            check(e == mine, "fails with " + e);
        } catch (MagnetException e) {
            boolean wanted = switch (fate) {
                case CANCEL -> e.status() == Status.CANCELLED;
                case INTERRUPT -> e.status() == Status.CANCELLED && Thread.interrupted();
                case TIMEOUT -> e.status() == Status.TIMEOUT;
                case NONE, THROW -> false;
            };
            check(wanted, "fails with " + e);
        }
    }

    private static void check(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }

    private Generation<?> generation(Task task, Duration timeout) {
        Magnet magnet = task.graph ? graph : fused;
        List<ScaledAdapter> adapters = adapters(task);
        return switch (task.kind) {
            case 3, 4 -> magnet.infillStreaming(
                    List.of(Part.text(task.prompt), Part.gap(task.tokens), Part.text(" The end.")),
                    InfillOptions.defaults().withAdapters(adapters).withTimeout(timeout)
                            .withContext(task.kind == 3 ? InfillContext.ORDERED : InfillContext.HYBRID));
            default -> magnet.generate(task.prompt, GenerateOptions.defaults().withTemperature(0).withIgnoreEos(true)
                    .withMaxTokens(task.tokens).withAdapters(adapters).withTimeout(timeout));
        };
    }

    private List<ScaledAdapter> adapters(Task task) {
        return task.adapted ? List.of((task.graph ? ofGraph : ofFused).scaled(1)) : List.of();
    }

    private static String textOf(Object result) {
        return result instanceof Infilled infilled ? infilled.spans().getFirst().text() : ((Generated) result).text();
    }

    /** What an undisturbed call says. */
    private Object whole(Task task) {
        Magnet magnet = task.graph ? graph : fused;
        List<ScaledAdapter> adapters = adapters(task);
        return switch (task.kind) {
            case 5 -> magnet.embed(task.prompt, EmbedOptions.defaults().withAdapters(adapters));
            case 6 -> magnet.embedAsync(task.prompt, EmbedOptions.defaults().withAdapters(adapters)).join();
            case 7 -> magnet.score(List.of(List.of(Part.text(task.prompt), Part.filled(" and so on"))),
                    ScoreOptions.defaults().withAdapters(adapters)).toString();
            case 8 -> refusal(() -> magnet.generate("x".repeat(3 * LONGEST)).text());
            default -> textOf(generation(task, null).result());
        };
    }

    private static String refusal(Runnable tooLong) {
        try {
            tooLong.run();
            return "was not refused";
        } catch (MagnetException e) {
            return e.status() + " " + e.getMessage();
        }
    }
}
