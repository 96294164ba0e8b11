package dev.magnet.langchain4j;

import dev.magnet.DefaultModel;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.nio.file.Path;

/** The models of these tests. */
final class TestModels {
    /** The random-weights model of the native tests: reads any text and writes nonsense. */
    static final Path TINY = Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", "tiny-llama.gguf");

    /** Width of {@link #TINY}. */
    static final int TINY_DIMENSIONS = 32;

    private TestModels() {}

    static Magnet tiny() {
        return Magnet.load(TINY, LoadOptions.defaults().withThreads(1));
    }

    /** For chats: what property {@code magnet.chat.model} names, else the default model. */
    static Path chat() {
        String named = System.getProperty("magnet.chat.model", "");
        return named.isEmpty() ? DefaultModel.path() : Path.of(named);
    }

    /** Whether {@link #chat()} is a larger model than the default one, which does all that the tests ask of a model. */
    static boolean chatIsNamed() {
        return !System.getProperty("magnet.chat.model", "").isEmpty();
    }
}
