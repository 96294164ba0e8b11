package dev.magnet.json;

import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.nio.file.Path;

/** A random model, whose every byte is a token. */
final class Tiny {
    private Tiny() {}

    static Magnet load() {
        Path file = Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", "tiny-qwen2.gguf");
        return Magnet.load(file, LoadOptions.defaults().withThreads(1));
    }
}
