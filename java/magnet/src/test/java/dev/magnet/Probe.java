package dev.magnet;

import java.nio.file.Path;

/** A program of a few lines, which {@link NativeAccessTest} runs in a JVM of its own. */
final class Probe {
    private Probe() {}

    public static void main(String[] args) {
        try {
            Evaluation.sts(Path.of("file")); // has defaults, so it needs the library too
            run();
        } catch (MagnetException e) {
            System.out.println(e.status() + " " + e.getMessage());
        }
    }

    private static void run() {
        try (Magnet magnet = TinyModel.load()) {
            System.out.println("dimensions " + magnet.embed("text").length);
        }
    }
}
