package dev.magnet.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.DefaultModel;
import dev.magnet.Magnet;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples as their README says: source files, the jars on the class path, the default model. */
@Timeout(600)
class ExamplesIT {
    private static final String SHIPPED = DefaultModel.adapter().toString();

    @TempDir
    Path directory;

    private static List<String> command(String example, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dstdout.encoding=UTF-8", "--enable-native-access=ALL-UNNAMED", "-cp", jars() + others(example), example,
                DefaultModel.path().toString()));
        command.addAll(List.of(arguments));
        return command;
    }

    private static String errorOf(String example, String... arguments) throws Exception {
        Process process = new ProcessBuilder(command(example, arguments)).start();
        String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(1, process.waitFor(), error);
        return error;
    }

    private static List<String> run(String input, String example, String... arguments) throws Exception {
        Process process = new ProcessBuilder(command(example, arguments))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var stdin = process.getOutputStream()) {
            stdin.write(input.getBytes(StandardCharsets.UTF_8));
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output.lines().toList();
    }

    /** The jars of this build, and no folder of classes among them. */
    private static String jars() throws Exception {
        List<Path> jars = new ArrayList<>();
        for (String name : List.of("dev/magnet/Magnet.class", "dev/magnet/ffi/MagnetLibrary.class")) {
            jars.add(jarOf(name));
        }
        try (Stream<Path> natives = Files.list(Path.of("..", "natives", "target"))) {
            jars.addAll(natives.filter(file -> file.toString().endsWith(".jar")).toList());
        }
        assertEquals(3, jars.size(), jars::toString);
        return jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    /** What an example needs besides. */
    private static String others(String example) {
        boolean needsMore = example.equals("HybridSearch.java") || example.equals("AskFolder.java");
        return !needsMore ? "" : Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.matches(".*(lucene|langchain4j|jackson|slf4j|jspecify|opennlp)[^/]*\\.jar"))
                .map(entry -> File.pathSeparator + entry)
                .collect(Collectors.joining());
    }

    private static Path jarOf(String name) {
        String url = Magnet.class.getClassLoader().getResource(name).toString();
        assertTrue(url.startsWith("jar:file:"), url);
        return Path.of(url.substring("jar:file:".length(), url.indexOf('!')));
    }

    @Test
    void semanticSearchFindsWhatIsMeant() throws Exception {
        Files.writeString(directory.resolve("a.txt"), """
                The recipe calls for two eggs, a cup of flour and some sugar.

                Beat the eggs and fold in the flour before baking.
                """);
        Files.writeString(directory.resolve("b.txt"), "The stock market fell sharply after the announcement.");
        List<String> hits = run("", "SemanticSearch.java", SHIPPED, directory.toString(), "How do I bake a cake?");
        assertEquals(3, hits.size(), hits::toString);
        assertTrue(hits.get(0).contains("a.txt") && hits.get(1).contains("a.txt"), hits::toString);
    }

    @Test
    void semanticSearchSaysThatThereIsNothingToSearch() throws Exception {
        assertTrue(errorOf("SemanticSearch.java", SHIPPED, directory.toString(), "?").contains("holds no file"));
        assertTrue(errorOf("SemanticSearch.java", SHIPPED, directory + "/nowhere", "?").contains("is no folder"));
    }

    private void writeTexts() throws Exception {
        Files.writeString(directory.resolve("cakes.txt"), """
                The recipe calls for two eggs, a cup of flour and some sugar.

                The oven must be at 180 degrees before the cake goes in.
                """);
        Files.writeString(directory.resolve("news.txt"), "The stock market fell sharply after the announcement.");
    }

    @Test
    void hybridSearchFindsByWordsAndMeaningAndIndexesOnlyWhatIsNew() throws Exception {
        writeTexts();
        String index = directory.resolve("index").toString();
        String folder = directory.toString();
        List<String> first = run("", "HybridSearch.java", SHIPPED, folder, index, "How hot should the oven be?");
        assertEquals("2 files, 2 of them new", first.getFirst(), first::toString);
        assertTrue(first.get(1).contains("cakes.txt") && first.get(1).contains("**oven**"), first::toString);
        assertEquals("2 files, 0 of them new",
                run("", "HybridSearch.java", SHIPPED, folder, index, "shares lost value").getFirst());
        Files.delete(directory.resolve("cakes.txt"));
        Files.writeString(directory.resolve("cats.txt"), "A kitten naps on the sofa.");
        List<String> later = run("", "HybridSearch.java", SHIPPED, folder, index, "Where does the cat sleep? (oven)");
        assertEquals("2 files, 1 of them new", later.getFirst(), later::toString);
        assertTrue(later.get(1).contains("cats.txt"), later::toString);
        assertTrue(later.stream().noneMatch(line -> line.contains("cakes.txt")), later::toString);
        assertTrue(errorOf("HybridSearch.java", SHIPPED, folder + "/nowhere", index, "?").contains("is no folder"));
    }

    @Test
    void askFolderAnswersFromTheFolder() throws Exception {
        writeTexts();
        List<String> answer = run("", "AskFolder.java", SHIPPED, directory.toString(), "How hot should the oven be?");
        assertTrue(answer.getFirst().contains("cakes.txt: ") && answer.getFirst().contains("180 degrees"), answer::toString);
        assertTrue(answer.getLast().startsWith("> "), answer::toString); // what a small model makes of it, differs by CPU
    }

    @Test
    void storyFillerKeepsTheStoryAroundItsGap() throws Exception {
        List<String> stories = run(
                "", "StoryFiller.java", SHIPPED, "Tom lost his keys. {{gap:8}} At last he could sleep in his own bed.");
        assertTrue(stories.getFirst().matches("Tom lost his keys\\. \\S.*"), stories::toString);
        assertTrue(stories.getLast().endsWith(" At last he could sleep in his own bed."), stories::toString);
    }

    @Test
    void chatAnswersEveryLine() throws Exception {
        List<String> answers = run("What is the capital of France?\nAnd of Italy?\n\n", "Chat.java");
        assertTrue(answers.stream().filter(line -> line.matches("> .+")).count() >= 2, answers::toString);
    }

    @Test
    void adaptToTextTrainsAnAdapterThatSpeaks() throws Exception {
        Path adapter = directory.resolve("mine.gguf");
        Path stories = Path.of(System.getProperty("magnet.root"), "native", "tests", "data", "stories.txt");
        List<String> lines = run("", "AdaptToText.java", adapter.toString(), "2", "Tom was", stories.toString());
        assertEquals(2, lines.stream().filter(line -> line.startsWith("step ")).count(), lines::toString);
        assertTrue(lines.contains(adapter + " holds the state of step 2"), lines::toString);
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("with:    Tom was")), lines::toString);
        assertTrue(Files.size(adapter) > 0);
        assertTrue(Files.readString(Path.of(adapter + ".html")).contains("<html"));
    }

    @Test
    void sentencesAreChosenWithAKey() throws Exception {
        List<String> lines =
                run("1q", "SentenceChooser.java", SHIPPED, "Tom lost his keys.", "At last he could sleep.");
        assertTrue(lines.getFirst().startsWith("1  "), lines::toString);
        String chosen = lines.getFirst().replaceFirst("1 +\\S+ +", "");
        assertEquals("Tom lost his keys. " + chosen + " At last he could sleep.", lines.getLast());
    }

    @Test
    void codeFillerSaysWhichMethodItDoesNotFind() throws Exception {
        Path file = Files.writeString(directory.resolve("A.java"), "class A { int one() { return 1; } }");
        assertTrue(errorOf("CodeFiller.java", file.toString(), "two").contains("no method two"));
    }

    /** JBang runs them by the lines at their head, and finds them by the catalog of the repository. */
    @Test
    void scriptsDependOnWhatThePomNames() throws Exception {
        Path root = Path.of(System.getProperty("magnet.root"));
        String poms = Files.readString(root.resolve("java/examples/pom.xml")) + Files.readString(root.resolve("java/pom.xml"));
        String catalog = Files.readString(root.resolve("jbang-catalog.json"));
        try (Stream<Path> files = Files.list(root.resolve("java/examples"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
                String source = Files.readString(file);
                assertTrue(catalog.contains("\"script-ref\": \"java/examples/" + file.getFileName() + "\""), file::toString);
                assertTrue(source.contains("//DEPS dev.magnet:magnet-platform:"), file::toString);
                source.lines().filter(line -> line.startsWith("//DEPS ")).forEach(line -> {
                    String[] coordinates = line.substring("//DEPS ".length()).split(":");
                    assertTrue(poms.contains("<groupId>" + coordinates[0] + "</groupId>"), line);
                    assertTrue(poms.contains("<version>" + coordinates[2] + "</version>"), line);
                });
            }
        }
    }
}
