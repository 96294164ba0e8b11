package dev.magnet;

/** A program of a few lines, which {@link NativeAccessTest} runs in a JVM of its own. */
final class Probe {
    private Probe() {}

    public static void main(String[] args) {
        try (Magnet magnet = TinyModel.load()) {
            System.out.println("dimensions " + magnet.embed("text").length);
        } catch (MagnetException e) {
            System.out.println(e.status() + " " + e.getMessage());
        }
    }
}
