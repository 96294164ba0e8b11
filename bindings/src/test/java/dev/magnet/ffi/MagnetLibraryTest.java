package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every way to the library, and every way not to get there, each in a JVM of its own. */
class MagnetLibraryTest {
    private static final Path LIBRARY = Path.of(System.getProperty("magnet.library"));

    /** Where an ELF file says for which processor it is, and the number of one that runs no test of this. */
    private static final int ELF_MACHINE = 18;
    private static final byte ELF_MACHINE_RISCV = (byte) 243;

    @TempDir
    Path directory;

    private Path natives;
    private Path cache;

    /** A folder that looks like the content of a natives jar, under a name that is no plain ASCII. */
    @BeforeEach
    void makeNatives() throws Exception {
        natives = directory.resolve("natives jär 模型");
        cache = directory.resolve("cache dïr");
        Path content = Files.createDirectories(natives.resolve("dev/magnet/native").resolve(Platform.classifier()));
        Path copy = Files.copy(LIBRARY, content.resolve("libmagnet.so"));
        Files.writeString(content.resolve("libmagnet.so.sha256"), sha256(copy) + "\n");
    }

    private static String sha256(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    private List<String> probe(List<Path> extraClassPath, String... jvmOptions) throws Exception {
        List<String> classPath = new ArrayList<>();
        for (Class<?> type : List.of(MagnetLibrary.class, LibraryProbe.class)) {
            classPath.add(Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
        }
        extraClassPath.forEach(path -> classPath.add(path.toString()));
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Dstdout.encoding=UTF-8"));
        command.addAll(List.of(jvmOptions));
        command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), LibraryProbe.class.getName()));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("XDG_CACHE_HOME", directory.resolve("home cache").toString());
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output.lines().toList();
    }

    private static final String GRANTED = "--enable-native-access=ALL-UNNAMED";

    private static void assertOpened(List<String> output) {
        assertEquals(2, output.size(), output::toString);
        assertTrue(output.stream().allMatch(line -> line.startsWith("opened ")), output::toString);
    }

    /** Both attempts failed in the same words, which contain all of these. */
    private static void assertFailed(List<String> output, String... words) {
        String text = String.join("\n", output);
        int second = text.indexOf("\nfailed ");
        assertTrue(text.startsWith("failed ") && second > 0, text);
        assertEquals(text.substring(0, second).strip(), text.substring(second).strip());
        for (String word : words) {
            assertTrue(text.contains(word), () -> "\"" + word + "\" is not in: " + text);
        }
    }

    private List<Path> extracted(Path under) throws IOException {
        if (!Files.exists(under)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(under)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void propertyNamesTheFile() throws Exception {
        assertOpened(probe(List.of(), GRANTED, "-Dmagnet.library=" + LIBRARY));
    }

    @Test
    void propertyThatNamesNothingIsFatalEvenBesideANativesJar() throws Exception {
        assertFailed(
                probe(List.of(natives), GRANTED, "-Dmagnet.library=/no/such/libmagnet.so"),
                "-Dmagnet.library", "/no/such/libmagnet.so: no such file");
    }

    @Test
    void libraryOfAnotherProcessorIsNamedWithTheReason() throws Exception {
        byte[] elf = Files.readAllBytes(LIBRARY);
        elf[ELF_MACHINE] = ELF_MACHINE_RISCV;
        Path foreign = Files.write(directory.resolve("libmagnet.so"), elf);
        assertFailed(probe(List.of(), GRANTED, "-Dmagnet.library=" + foreign), foreign + ": ", "RISCV");
    }

    /** The dynamic linker would kill the process over it. */
    @Test
    void libraryThatIsCutOffIsRefusedWithItsSize() throws Exception {
        byte[] whole = Files.readAllBytes(LIBRARY);
        Path cut = directory.resolve("libmagnet.so");
        for (int size : new int[] {0, 10, 63, 64, 4096, 100_000, whole.length / 2, whole.length - 1}) {
            Files.write(cut, Arrays.copyOf(whole, size));
            assertFailed(
                    probe(List.of(), GRANTED, "-Dmagnet.library=" + cut),
                    cut + ": cut off, it has " + size + " of at least ", "copy or build it again");
        }
        assertFailed(
                probe(List.of(), GRANTED, "-Djava.library.path=" + directory), cut + ": cut off", "no MAGNET library");
    }

    /** Headers that promise nonsense. */
    @Test
    void libraryWithDamagedHeadersDoesNotKillTheProcess() throws Exception {
        byte[] whole = Files.readAllBytes(LIBRARY);
        Path damaged = directory.resolve("libmagnet.so");
        for (int at = 32; at < 64; at += 2) { // where the tables are, and how long
            byte[] copy = whole.clone();
            copy[at] ^= (byte) 0xFF;
            Files.write(damaged, copy);
            List<String> output = probe(List.of(), GRANTED, "-Dmagnet.library=" + damaged);
            assertTrue(output.stream().anyMatch(line -> line.matches("(failed|opened) .*")), output::toString);
        }
    }

    @Test
    void anotherLibraryIsNotTakenForOurs() throws Exception {
        Path other = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
        assertFailed(probe(List.of(), GRANTED, "-Dmagnet.library=" + other), "magnet_abi_version");
    }

    @Test
    void nativesJarIsExtractedUnderItsHashAndUsedAgain() throws Exception {
        assertOpened(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache));
        Path file = cache.resolve(sha256(LIBRARY).substring(0, 16)).resolve("libmagnet.so");
        assertEquals(List.of(file), extracted(cache), "the library and no leftover");
        var written = Files.getLastModifiedTime(file);
        assertOpened(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache));
        assertEquals(written, Files.getLastModifiedTime(file));
    }

    @Test
    void nativesOfOtherPlatformsBesideItAreLeftAlone() throws Exception {
        for (String other : List.of(
                "linux-aarch_64/libmagnet.so", "windows-x86_64/magnet.dll", "osx-aarch_64/libmagnet.dylib", "osx-x86_64/libmagnet.dylib")) {
            Path file = natives.resolve("dev/magnet/native").resolve(other);
            Files.createDirectories(file.getParent());
            Files.writeString(file, "another platform's");
            Files.writeString(file.resolveSibling(file.getFileName() + ".sha256"), sha256(file));
        }
        assertOpened(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache));
        assertEquals(1, extracted(cache).size());
    }

    @Test
    void nativesJarThatIsToBeSkippedIsNotLookedAt() throws Exception {
        assertFailed(
                probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache, "-Dmagnet.natives.skip=true"),
                "-Dmagnet.natives.skip=true");
        assertEquals(List.of(), extracted(cache));
    }

    /** Opening it would end the process at the first instruction that is missing. */
    @Test
    void libraryForAnotherCpuIsRefusedByName() throws Exception {
        Path content = natives.resolve("dev/magnet/native").resolve(Platform.classifier());
        Path cpu = Files.writeString(content.resolve("libmagnet.so.cpu"), "avx99\nno_such_set\n");
        String[] words = {"avx99, no_such_set", "-Dnative.preset=portable"};
        assertFailed(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache), words);
        assertEquals(List.of(), extracted(cache));
        assertFailed(probe(List.of(), GRANTED, "-Djava.library.path=" + content), words);
        assertFailed(probe(List.of(), GRANTED, "-Dmagnet.library=" + content.resolve("libmagnet.so")), words);
        Files.writeString(cpu, "");
        assertOpened(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache));
    }

    @Test
    void libraryOfThisBuildSaysWhatItNeedsAndThisCpuHasIt() throws Exception {
        String needed = Files.readString(LIBRARY.resolveSibling("libmagnet.so.cpu"));
        assertEquals(List.of(), CpuFeatures.missing(needed));
        if (Platform.classifier().endsWith("x86_64")) {
            assertTrue(needed.lines().toList().containsAll(List.of("avx2", "fma")), needed);
        }
    }

    @Test
    void withoutAPropertyTheUsersCacheIsUsed() throws Exception {
        assertOpened(probe(List.of(natives), GRANTED));
        assertEquals(1, extracted(directory.resolve("home cache")).size());
    }

    @Test
    void damagedExtractionIsReplaced() throws Exception {
        assertOpened(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache));
        Path file = extracted(cache).getFirst();
        Files.writeString(file, "cut");
        assertOpened(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache));
        assertEquals(sha256(LIBRARY), sha256(file));
    }

    @Test
    void damagedNativesJarIsRefused() throws Exception {
        Path hash = natives.resolve("dev/magnet/native").resolve(Platform.classifier()).resolve("libmagnet.so.sha256");
        Files.writeString(hash, "0".repeat(64));
        assertFailed(probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + cache), "is damaged");
        assertEquals(List.of(), extracted(cache));
    }

    @Test
    void cacheThatCannotBeWrittenFallsBackToTheTemporaryDirectory() throws Exception {
        Files.writeString(directory.resolve("home cache"), "a file where a directory should be");
        Path temporary = Files.createDirectories(directory.resolve("tmp"));
        assertOpened(probe(List.of(natives), GRANTED, "-Djava.io.tmpdir=" + temporary));
        assertEquals(1, extracted(temporary).size());
    }

    @Test
    void cacheOfThePropertyThatCannotBeWrittenSaysWhatToDo() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "");
        assertFailed(
                probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + file),
                file.toString(), "cannot extract", "-Dmagnet.cache=DIR", "-Dmagnet.library=FILE");
    }

    @Test
    void noexecDirectorySaysWhatToDo() throws Exception {
        Path noexec = noexecDirectory();
        if (noexec == null) {
            System.err.println("SKIPPED: noexecDirectorySaysWhatToDo needs a writable directory mounted noexec");
        }
        assumeTrue(noexec != null);
        Path own = Files.createTempDirectory(noexec, "magnet-test");
        try {
            assertFailed(
                    probe(List.of(natives), GRANTED, "-Dmagnet.cache=" + own),
                    own.toString(), "failed to map", "noexec", "-Dmagnet.cache=DIR");
        } finally {
            deleteTree(own);
        }
    }

    private static Path noexecDirectory() throws IOException {
        Path mounts = Path.of("/proc/mounts");
        if (!Files.isReadable(mounts)) {
            return null;
        }
        for (String line : Files.readAllLines(mounts)) {
            String[] fields = line.split(" ");
            Path directory = Path.of(fields[1]);
            if (fields[2].equals("tmpfs") && List.of(fields[3].split(",")).contains("noexec")
                    && List.of(fields[3].split(",")).contains("rw") && Files.isWritable(directory)) {
                return directory;
            }
        }
        return null;
    }

    private static void deleteTree(Path root) throws IOException {
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException e) throws IOException {
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    @Test
    void libraryPathIsSearchedLast() throws Exception {
        Path folder = natives.resolve("dev/magnet/native").resolve(Platform.classifier());
        assertOpened(probe(List.of(), GRANTED, "-Djava.library.path=/no/such/directory" + File.pathSeparator + folder));
    }

    @Test
    void nothingAnywhereListsWhatWasTried() throws Exception {
        assertFailed(
                probe(List.of(), GRANTED, "-Djava.library.path=/no/such/directory"),
                Platform.classifier(), "no natives jar", "java.library.path");
    }

    @Test
    void deniedAccessNamesTheFlag() throws Exception {
        assumeTrue(Runtime.version().feature() >= 24, "before 24 the JVM has no option to deny");
        assertFailed(
                probe(List.of(), "--illegal-native-access=deny", "-Dmagnet.library=" + LIBRARY),
                "--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void grantedAccessPrintsNothing() throws Exception {
        assertOpened(probe(List.of(), GRANTED, "-Dmagnet.library=" + LIBRARY));
    }
}
