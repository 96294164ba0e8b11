package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** A new user's first program: every program that a README shows compiles, runs, and is short. */
class ReadmeTest {
    private static final Pattern PROGRAM = Pattern.compile("```java\\R((?:(?!```)[\\s\\S])*static void main[\\s\\S]*?)```");
    private static final int MOST_LINES = 15;

    @TempDir
    Path directory;

    @TestFactory
    List<DynamicTest> programsOfTheReadmes() throws IOException {
        Path root = Path.of(System.getProperty("magnet.root"));
        List<DynamicTest> tests = new ArrayList<>();
        for (Path readme : List.of(root.resolve("README.md"), root.resolve("java/README.md"))) {
            if (Files.exists(readme)) {
                Matcher program = PROGRAM.matcher(Files.readString(readme));
                while (program.find()) {
                    String source = program.group(1);
                    tests.add(DynamicTest.dynamicTest("" + root.relativize(readme), () -> compilesAndRuns(source)));
                }
            }
        }
        assertFalse(tests.isEmpty(), "java/README.md shows a program");
        return tests;
    }

    @Test
    void projectOfTheReadmeHoldsItsProgram() throws IOException {
        Path java = Path.of(System.getProperty("magnet.root"), "java");
        Path project = java.resolve("examples/consumer");
        String readme = Files.readString(java.resolve("README.md"));
        assertTrue(readme.contains("```java\n" + Files.readString(project.resolve("src/main/java/First.java")) + "```"));
        String version = Pattern.compile("<version>(.*?)</version>").matcher(Files.readString(java.resolve("pom.xml")))
                .results().findFirst().orElseThrow().group(1);
        for (String file : List.of("pom.xml", "build.gradle")) {
            assertTrue(Files.readString(project.resolve(file)).contains(version), file);
        }
    }

    private void compilesAndRuns(String source) throws Exception {
        assertTrue(source.lines().count() <= MOST_LINES, source.lines().count() + " lines");
        Matcher name = Pattern.compile("class (\\w+)").matcher(source);
        assertTrue(name.find());
        Path file = Files.writeString(directory.resolve(name.group(1) + ".java"), source);
        String classPath = Jvm.path(Jvm.CLASSES.stream());
        assertEquals(0, ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "--release", "22", "-Xlint:all", "-Werror", "-cp", classPath, file.toString()));
        Path cache = cacheOfTinyModels();
        Jvm.Result result = Jvm.run(
                "--enable-native-access=ALL-UNNAMED", "-Dmagnet.models=" + cache, "-Dmagnet.offline=true", "-cp", classPath + File.pathSeparator + directory, name.group(1),
                TinyModel.LLAMA.toString(), cache.resolve("tiny.magnet.gguf").toString());
        assertEquals(0, result.exitCode(), result.output());
        assertTrue(result.output().lines().count() >= 2, result.output());
    }

    /** Where the default model's names mean tiny ones. */
    private Path cacheOfTinyModels() throws Exception {
        Path cache = Files.createDirectories(directory.resolve("cache"));
        Path model = Files.copy(TinyModel.LLAMA, cache.resolve("tiny.gguf"), StandardCopyOption.REPLACE_EXISTING);
        Path adapter = TinyAdapter.write(cache.resolve("tiny.magnet.gguf"), "llama", 1);
        Files.writeString(
                cache.resolve("models.properties"),
                entry("smollm2-135m-instruct", model) + entry("smollm2-135m-instruct-magnet", adapter)
                        + "smollm2-135m-instruct-magnet.adapter-of=smollm2-135m-instruct\n");
        return cache;
    }

    private static String entry(String name, Path file) throws Exception {
        byte[] content = Files.readAllBytes(file);
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        return "%1$s.file=%2$s\n%1$s.bytes=%3$d\n%1$s.sha256=%4$s\n%1$s.licence=none\n"
                .formatted(name, file.getFileName(), content.length, sha256);
    }
}
