package dev.magnet;

import java.nio.file.Path;

/**
 * The random-weights models that the native tests use: two layers, 32 dimensions, context 256. Every byte is a token
 * of their vocabulary, so they read any text and write nonsense.
 */
final class TinyModel {
    static final Path LLAMA = golden("tiny-llama.gguf");
    static final Path QWEN2 = golden("tiny-qwen2.gguf");

    /** Width of the tiny models. */
    static final int DIMENSIONS = 32;

    /** Most tokens that the tiny models read. */
    static final int CONTEXT = 256;

    private TinyModel() {}

    static Magnet load() {
        return Magnet.load(LLAMA, options());
    }

    /** One engine for all verbs, in F32 throughout, so that their numbers can be compared closely. */
    static Magnet loadExact(Path model) {
        return Magnet.load(model, options().withEngine(Engine.GRAPH));
    }

    /** One thread is plenty for a model of this size. */
    static LoadOptions options() {
        return LoadOptions.defaults().withThreads(1);
    }

    private static Path golden(String name) {
        return Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", name);
    }
}
