//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.magnet.EmbedOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Similarity;
import dev.magnet.Truncation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Finds the paragraphs of a folder of text files that mean what a question asks.
 *
 * <pre>java -cp … SemanticSearch.java model.gguf adapter.gguf folder "a question"</pre>
 */
class SemanticSearch {
    record Paragraph(Path file, String text) {}

    record Hit(Paragraph paragraph, double similarity) {}

    public static void main(String[] args) throws IOException {
        if (args.length != 4) {
            System.err.println("usage: SemanticSearch.java MODEL.gguf ADAPTER.gguf FOLDER QUESTION");
            System.exit(2);
        }
        Path folder = Path.of(args[2]);
        List<Paragraph> paragraphs = Files.isDirectory(folder) ? paragraphsOf(folder) : List.of();
        if (paragraphs.isEmpty()) {
            System.err.println(folder + (Files.isDirectory(folder) ? " holds no file *.txt with a paragraph" : " is no folder"));
            System.exit(1);
        }
        EmbedOptions options = EmbedOptions.defaults().withTruncate(Truncation.HEAD);
        try (Magnet magnet = Magnet.load(Path.of(args[0]), LoadOptions.defaults().withAdapters(Path.of(args[1])))) {
            float[][] vectors = magnet.embed(paragraphs.stream().map(Paragraph::text).toList(), options);
            float[] question = magnet.embed(args[3], options);
            IntStream.range(0, vectors.length)
                    .mapToObj(i -> new Hit(paragraphs.get(i), Similarity.dot(question, vectors[i])))
                    .sorted(Comparator.comparingDouble(Hit::similarity).reversed())
                    .limit(3)
                    .forEach(hit -> System.out.printf(
                            "%.3f  %s: %s%n", hit.similarity(), hit.paragraph().file().getFileName(), hit.paragraph().text()));
        }
    }

    static List<Paragraph> paragraphsOf(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".txt")).sorted().flatMap(SemanticSearch::read).toList();
        }
    }

    static Stream<Paragraph> read(Path file) {
        try {
            return Stream.of(Files.readString(file).split("\\R\\s*\\R"))
                    .map(String::strip)
                    .filter(text -> !text.isEmpty())
                    .map(text -> new Paragraph(file, text));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
