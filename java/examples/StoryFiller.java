//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.magnet.InfillOptions;
import dev.magnet.Infilled;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Part;
import dev.magnet.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Fills the gaps of a story, three times over. A gap is written {{gap}}, or {{gap:12}} for one of twelve tokens.
 *
 * <pre>java -cp … StoryFiller.java model.gguf adapter.gguf "Tom lost his keys. {{gap}} At last he slept."</pre>
 */
class StoryFiller {
    public static void main(String[] args) {
        if (args.length != 3) {
            System.err.println("usage: StoryFiller.java MODEL.gguf ADAPTER.gguf STORY");
            System.exit(2);
        }
        List<Part> story = parse(args[2]);
        InfillOptions options = InfillOptions.defaults().withSampling(Sampling.defaults());
        try (Magnet magnet = Magnet.load(Path.of(args[0]), LoadOptions.defaults().withAdapters(Path.of(args[1])))) {
            for (int seed = 1; seed <= 3; seed++) {
                Infilled filled = magnet.infill(story, options.withSeed(seed));
                System.out.println(filled.text());
            }
        }
    }

    static List<Part> parse(String story) {
        List<Part> parts = new ArrayList<>();
        int at = 0;
        while (at < story.length()) {
            int gap = story.indexOf("{{gap", at);
            int end = gap < 0 ? -1 : story.indexOf("}}", gap);
            if (end < 0) {
                break;
            }
            parts.add(Part.text(story.substring(at, gap)));
            String length = story.substring(gap + "{{gap".length(), end);
            parts.add(length.isEmpty() ? Part.gap() : Part.gap(Integer.parseInt(length.substring(1))));
            at = end + "}}".length();
        }
        parts.add(Part.text(story.substring(at)));
        return parts;
    }
}
