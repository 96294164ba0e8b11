import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Similarity;
import java.nio.file.Path;

class First {
    public static void main(String[] args) {
        try (var magnet = Magnet.load(Path.of(args[0]), LoadOptions.defaults().withAdapters(Path.of(args[1])))) {
            float[][] v = magnet.embed("A man is playing a guitar.", "Someone plays music.");
            System.out.println(Similarity.cosine(v[0], v[1]));
            System.out.println(magnet.infill("Tom lost his keys. ", " At last he could sleep in his own bed."));
            magnet.generate("Once upon a time").forEach(token -> System.out.print(token.text()));
        }
    }
}
