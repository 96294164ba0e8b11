package dev.magnet.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Measures every side, one after the other, and prints the ratios. */
public final class Main {
    private Main() {}

    /** Takes no arguments; system properties name model, library and program (see pom.xml). */
    public static void main(String[] args) throws IOException, InterruptedException, RunnerException {
        if (Work.model() == null || Work.model().isEmpty()) {
            System.setProperty("magnet.model", defaultModel());
        }
        Map<String, Double> rates = new HashMap<>();
        var options = new OptionsBuilder()
                .include(MagnetBenchmark.class.getName())
                .include(JniBenchmark.class.getName())
                .jvmArgsAppend(
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dmagnet.model=" + Work.model(),
                        "-Dmagnet.library=" + System.getProperty("magnet.library"))
                .build();
        rates.put("program.embedPacked", Program.embedPacked());
        rates.put("program.generate", Program.generate());
        for (RunResult result : new Runner(options).run()) {
            String name = result.getParams().getBenchmark();
            String side = name.contains("Jni") ? "jni" : "java";
            rates.put(side + name.substring(name.lastIndexOf('.')), result.getPrimaryResult().getScore());
        }
        System.out.printf("%n%d threads, %d texts a packed call, %d tokens a generation%n%n", Work.THREADS, Work.TEXTS,
                Work.TOKENS);
        System.out.println("| what | per second | against | per second | ratio |");
        System.out.println("|---|---|---|---|---|");
        row(rates, "embed, packed call", "java.embedPacked", "the magnet program", "program.embedPacked");
        row(rates, "generate", "java.generate", "the magnet program", "program.generate");
        row(rates, "embedAsync, 64 callers", "java.embedAsync", "packed call", "java.embedPacked");
        row(rates, "embed, one by one", "java.embedOne", "de.kherud:llama", "jni.embedOne");
        row(rates, "generate", "java.generate", "de.kherud:llama", "jni.generate");
    }

    private static void row(Map<String, Double> rates, String what, String ours, String against, String theirs) {
        System.out.printf("| %s | %.1f | %s | %.1f | %.3f |%n", what, rates.get(ours), against, rates.get(theirs),
                rates.get(ours) / rates.get(theirs));
    }

    private static String defaultModel() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("bash", System.getProperty("magnet.fetch"))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String path = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.waitFor() != 0) {
            throw new IOException("the default model cannot be fetched; name a GGUF file with -Dbench.model=FILE");
        }
        return path;
    }
}
