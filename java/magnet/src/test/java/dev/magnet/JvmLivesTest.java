package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that would end with a crash of the JVM, in a JVM of their own. */
class JvmLivesTest {
    @TempDir
    Path directory;

    private Path text;

    @BeforeEach
    void write() throws Exception {
        text = TinyTraining.writeText(directory.resolve("text.txt"));
    }

    private Jvm.Result run(Class<?> program) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(
                "--enable-native-access=ALL-UNNAMED", "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + directory.resolve("crash.log"),
                "-cp", Jvm.path(Stream.concat(Jvm.CLASSES.stream(), Stream.of(Jvm.TESTS))), program.getName(),
                text.toString(), directory.resolve("adapter.gguf").toString()));
        return Jvm.run(arguments.toArray(String[]::new));
    }

    @Test
    void callsWithoutRoomOnTheStackFailInJava() throws Exception {
        Jvm.Result result = run(DeepCalls.class);
        assertEquals(0, result.exitCode(), result.output());
        assertEquals(7, result.output().lines().filter("refused true, served true"::equals).count(), result.output());
    }

    @RepeatedTest(3)
    void programMayEndDuringCalls() throws Exception {
        Jvm.Result result = run(EndDuringCalls.class);
        assertEquals(0, result.exitCode(), result.output());
        assertTrue(result.output().contains("ends"), result.output());
    }
}
