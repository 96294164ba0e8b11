package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;

/** The program First of a module's README.md: short, it compiles, and finds the default model by its name. */
public final class ReadmeProgram {
    private static final int MOST_LINES = 15;

    private final Path folder;
    private final String classPath;

    private ReadmeProgram(Path folder, String classPath) {
        this.folder = folder;
        this.classPath = classPath;
    }

    /**
     * Compiles it.
     *
     * @param module folder of the README, from the root of the project
     * @param folder where source and classes go
     */
    public static ReadmeProgram compile(String module, Path folder) throws IOException {
        Path root = Path.of(System.getProperty("magnet.root"));
        Matcher program = Pattern.compile("```java\\R((?:(?!```)[\\s\\S])*static void main[\\s\\S]*?)```")
                .matcher(Files.readString(root.resolve(module).resolve("README.md")));
        assertTrue(program.find());
        String source = program.group(1);
        assertTrue(source.lines().count() <= MOST_LINES, source);
        Path file = Files.writeString(folder.resolve("First.java"), source);
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        assertEquals(0, ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "--release", "22", "-proc:none", "-cp", classPath, file.toString()));
        return new ReadmeProgram(folder, classPath);
    }

    /**
     * What starts it in a JVM of its own.
     *
     * @param options of the JVM, beside those that name the library and the model
     * @param arguments of the program
     */
    public ProcessBuilder process(List<String> options, String... arguments) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(options);
        command.addAll(List.of("-Dmagnet.library=" + System.getProperty("magnet.library"),
                "-Dmagnet.models=" + DefaultModel.path().toAbsolutePath().getParent(), "-Dmagnet.offline=true",
                "-cp", classPath + File.pathSeparator + folder, "First"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command);
    }
}
