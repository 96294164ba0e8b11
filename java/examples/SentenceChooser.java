//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.magnet.Filling;
import dev.magnet.InfillOptions;
import dev.magnet.Infilled;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Part;
import dev.magnet.Until;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the sentences that a text lacks, one after the other: shows what could stand in the gap, the likeliest text first, and
 * takes the one whose key is pressed. Behind it the next gap opens; any other key asks for new ones, q ends.
 *
 * <pre>java -cp … SentenceChooser.java model.gguf adapter.gguf "Tom lost his keys." "At last he slept."</pre>
 */
class SentenceChooser {
    private static final int CANDIDATES = 6;

    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length != 4) {
            System.err.println("usage: SentenceChooser.java MODEL.gguf ADAPTER.gguf LEFT RIGHT");
            System.exit(2);
        }
        String left = args[2] + " ";
        String right = " " + args[3];
        InfillOptions options = InfillOptions.defaults().withUntil(Until.SENTENCE).withCandidates(CANDIDATES);
        try (Magnet magnet = Magnet.load(Path.of(args[0]), LoadOptions.defaults().withAdapters(Path.of(args[1])))) {
            for (long seed = 1; ; seed += CANDIDATES) {
                Infilled filled =
                        magnet.infill(List.of(Part.text(left), Part.gap(), Part.text(right)), options.withSeed(seed));
                Map<Character, String> choices = new LinkedHashMap<>();
                for (Filling filling : filled.ranked()) {
                    char key = (char) ('1' + choices.size());
                    choices.put(key, filling.texts().getFirst());
                    System.out.printf("%c  %6.3f  %s%n", key, filling.score(), choices.get(key));
                }
                char key = key();
                if (key == 'q') {
                    System.out.println(left.strip() + right);
                    return;
                }
                if (choices.containsKey(key)) {
                    left += choices.get(key) + " ";
                }
                System.out.println("\n" + left + "…" + right + "\n");
            }
        }
    }

    /** The next key; from a file or a pipe the next character that is no line break. */
    private static char key() throws IOException, InterruptedException {
        terminal("-icanon -echo");
        try {
            int key;
            do {
                key = System.in.read();
            } while (key == '\n' || key == '\r');
            return key < 0 ? 'q' : (char) key;
        } finally {
            terminal("icanon echo");
        }
    }

    private static void terminal(String mode) throws IOException, InterruptedException {
        new ProcessBuilder("sh", "-c", "test ! -t 0 || stty " + mode).inheritIO().start().waitFor();
    }
}
