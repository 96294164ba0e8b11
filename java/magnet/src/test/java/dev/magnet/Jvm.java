package dev.magnet;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** JVMs of their own for tests that need one. */
final class Jvm {
    /** Where the API and the binding are: folders of classes, or jars. */
    static final List<Path> CLASSES = List.of(locationOf(Magnet.class), bindings());

    /** Where the tests are. */
    static final Path TESTS = Path.of("target", "test-classes").toAbsolutePath();

    record Result(int exitCode, String output) {}

    private Jvm() {}

    static Result run(String... arguments) throws IOException, InterruptedException {
        return run(Map.of(), arguments);
    }

    static Result run(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dmagnet.library=" + System.getProperty("magnet.library"),
                "-Dmagnet.root=" + System.getProperty("magnet.root"),
                "-Dstdout.encoding=UTF-8"));
        command.addAll(Arrays.asList(arguments));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }

    static String path(Stream<Path> entries) {
        return entries.map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    private static Path bindings() {
        try {
            return locationOf(Class.forName("dev.magnet.ffi.MagnetLibrary"));
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    private static Path locationOf(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }
}
