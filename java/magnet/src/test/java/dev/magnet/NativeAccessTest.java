package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class NativeAccessTest {
    private static final String CLASS_PATH = Jvm.path(Stream.concat(Jvm.CLASSES.stream(), Stream.of(Jvm.TESTS)));
    private static final String MODULE_PATH = Jvm.path(Jvm.CLASSES.stream());

    @BeforeAll
    static void needsAJvmThatCanDeny() {
        assumeTrue(java.lang.Runtime.version().feature() >= 24, "before 24 the JVM has no option to deny");
    }

    private static Jvm.Result onTheModulePath(String... options) throws Exception {
        return Jvm.run(Stream.of(
                        Stream.of(options),
                        Stream.of(
                                "-p", MODULE_PATH, "--add-modules", "dev.magnet",
                                "--patch-module", "dev.magnet=" + Jvm.TESTS, "-m", "dev.magnet/dev.magnet.Probe"))
                .flatMap(s -> s)
                .toArray(String[]::new));
    }

    @Test
    void classPathIsToldItsFlag() throws Exception {
        Jvm.Result result = Jvm.run("--illegal-native-access=deny", "-cp", CLASS_PATH, "dev.magnet.Probe");
        assertTrue(result.output().startsWith("LIBRARY "), result.output());
        assertTrue(result.output().contains("--enable-native-access=ALL-UNNAMED"), result.output());
    }

    @Test
    void modulePathIsToldItsFlag() throws Exception {
        Jvm.Result result = onTheModulePath("--illegal-native-access=deny");
        assertTrue(result.output().startsWith("LIBRARY "), result.output());
        assertTrue(result.output().contains("--enable-native-access=dev.magnet.ffi"), result.output());
    }

    @Test
    void flagOfTheMessageIsAllThatIsNeeded() throws Exception {
        String expected = "dimensions " + TinyModel.DIMENSIONS + System.lineSeparator();
        assertEquals(
                new Jvm.Result(0, expected),
                quiet(Jvm.run(
                        "--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED", "-cp", CLASS_PATH,
                        "dev.magnet.Probe")));
        assertEquals(
                new Jvm.Result(0, expected),
                quiet(onTheModulePath("--illegal-native-access=deny", "--enable-native-access=dev.magnet.ffi")));
    }

    @Test
    void withoutTheFlagTheJvmWarnsOnceAndNamesIt() throws Exception {
        Jvm.Result result = Jvm.run("-cp", CLASS_PATH, "dev.magnet.Probe");
        assertEquals(0, result.exitCode());
        assertEquals(
                1, result.output().lines().filter(line -> line.contains("--enable-native-access=")).count(), result.output());
    }

    /** Without what the logger of the JDK prints to standard error. */
    private static Jvm.Result quiet(Jvm.Result result) {
        return new Jvm.Result(
                result.exitCode(),
                result.output().lines()
                        .filter(line -> line.startsWith("dimensions ") || line.contains("WARNING"))
                        .map(line -> line + System.lineSeparator())
                        .reduce("", String::concat));
    }
}
