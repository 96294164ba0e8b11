package dev.magnet.server;

import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.server.http.Limits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code java -jar magnet-server.jar model.gguf}: serves one model until it is told to stop. */
@Command(
        name = "magnet-server",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false,
        description = "Serves a GGUF model: OpenAI's API, llama-server's /infill, MAGNET's own, and a page to write on.",
        footer = {"", "GET /openapi.json describes all that can be asked; docs/server.md shows it."},
        exitCodeOnInvalidInput = 2)
public final class Main implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "GGUF file (default: what MAGNET_MODEL names)")
    private Path model;

    @Option(names = "--adapter", paramLabel = "FILE", description = "LoRA adapter of every request; may be repeated")
    private List<Path> adapters = List.of();

    @Option(names = "--alias", paramLabel = "NAME", description = "the model's name for clients (default: its file's)")
    private String alias;

    @Option(names = "--host", paramLabel = "ADDRESS", defaultValue = "127.0.0.1",
            description = "address to listen at (default: ${DEFAULT-VALUE}, this machine alone)")
    private String host;

    @Option(names = "--port", paramLabel = "N", defaultValue = "8080",
            description = "port; 0 = any that is free (default: ${DEFAULT-VALUE})")
    private int port;

    @Option(names = "--api-key-file", paramLabel = "FILE",
            description = "its first line is what clients must send as bearer token (default: MAGNET_API_KEY, else nothing)")
    private Path keyFile;

    @Option(names = "--allow-host", paramLabel = "NAME",
            description = "a name of this server, beside localhost and its addresses; may be repeated")
    private List<String> hosts = List.of();

    @Option(names = "--allow-origin", paramLabel = "ORIGIN",
            description = "pages of this origin may ask, e.g. https://editor.example; may be repeated")
    private List<String> origins = List.of();

    @Option(names = "--parallel", paramLabel = "N", defaultValue = "16",
            description = "calls that compute at the same time (default: ${DEFAULT-VALUE})")
    private int parallel;

    @Option(names = "--ctx", paramLabel = "N", defaultValue = "0",
            description = "most tokens of a text, generated ones counted (default: what the model was trained for)")
    private int ctx;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "-1",
            description = "threads that one call computes with (default: the cores, divided between the calls)")
    private int threads;

    @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "2048",
            description = "most tokens that a request may generate (default: ${DEFAULT-VALUE})")
    private int maxTokens;

    @Option(names = "--max-body", paramLabel = "BYTES", defaultValue = "4194304",
            description = "most bytes of a request (default: ${DEFAULT-VALUE})")
    private int maxBody;

    @Option(names = "--max-requests", paramLabel = "N", defaultValue = "256",
            description = "most requests that are worked on or wait; more get status 429 (default: ${DEFAULT-VALUE})")
    private int maxRequests;

    @Option(names = "--timeout", paramLabel = "SECONDS", defaultValue = "300",
            description = "how long a request may wait, and then how long the model may work (default: ${DEFAULT-VALUE})")
    private int timeout;

    @Option(names = "--stop-within", paramLabel = "SECONDS", defaultValue = "10",
            description = "how long requests go on after SIGTERM (default: ${DEFAULT-VALUE})")
    private int stopWithin;

    @Option(names = "--verbose", description = "also log what the native library says while it loads")
    private boolean verbose;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    // Kept, since the log manager does not keep the levels of loggers that nobody holds.
    private final Logger library = Logger.getLogger("dev.magnet");
    private final Logger server = Logger.getLogger("dev.magnet.server");

    /** Starts the program. */
    public static void main(String[] args) {
        if (System.getProperty("java.util.logging.config.file") == null
                && System.getProperty("java.util.logging.SimpleFormatter.format") == null) {
            System.setProperty("java.util.logging.SimpleFormatter.format", "%1$tF %1$tT %4$s %3$s: %5$s%6$s%n");
        }
        System.exit(program().execute(args));
    }

    /** The program, which says in one line what is wrong with its arguments. */
    static CommandLine program() {
        return new CommandLine(new Main()).setParameterExceptionHandler((e, args) -> {
            e.getCommandLine().getErr().println("magnet-server: " + e.getMessage() + "; see magnet-server --help");
            return e.getCommandLine().getCommandSpec().exitCodeOnInvalidInput();
        });
    }

    @Override
    public Integer call() throws InterruptedException {
        ServerOptions options = options();
        Path file = modelFile();
        library.setLevel(verbose ? Level.ALL : Level.SEVERE);
        server.setLevel(Level.INFO);
        var stopped = new CountDownLatch(1);
        try {
            Magnet magnet = Magnet.load(file, LoadOptions.defaults()
                    .withAdapters(adapters)
                    .withSessions(parallel)
                    .withCtx(ctx)
                    .withThreads(threads));
            MagnetServer running = MagnetServer.start(magnet, alias == null ? nameOf(file) : alias, options);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                running.close();
                stopped.countDown();
            }, "magnet-stop"));
            System.out.println("MAGNET " + Magnet.version() + " serves " + file.getFileName() + " at " + running.address());
        } catch (MagnetException | UncheckedIOException e) {
            spec.commandLine().getErr().println("magnet-server: " + e.getMessage());
            return 1;
        }
        stopped.await();
        return 0;
    }

    private ServerOptions options() {
        within("--port", port, 0, 65_535);
        within("--parallel", parallel, 1, 256);
        within("--ctx", ctx, 0, Integer.MAX_VALUE);
        within("--max-tokens", maxTokens, 1, Integer.MAX_VALUE);
        within("--max-body", maxBody, 1, 1 << 30);
        within("--max-requests", maxRequests, 1, 1 << 20);
        within("--timeout", timeout, 1, 86_400);
        within("--stop-within", stopWithin, 0, 3600);
        String key = key();
        warnIfReachable(key);
        var limits = new Limits(maxBody, maxRequests, Duration.ofSeconds(timeout), Duration.ofSeconds(stopWithin));
        return new ServerOptions(host, port, key, hosts, origins, parallel, ctx, maxTokens, limits);
    }

    private void within(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw wrong(option + " is " + value + "; it must be in [" + least + ", " + most + "]");
        }
    }

    private Path modelFile() {
        String named = System.getenv("MAGNET_MODEL");
        if (model == null && (named == null || named.isEmpty())) {
            throw wrong("name a GGUF file, or set MAGNET_MODEL; scripts/fetch-model.sh fetches one and prints its name");
        }
        return model == null ? Path.of(named) : model;
    }

    private String key() {
        if (keyFile == null) {
            String key = System.getenv("MAGNET_API_KEY");
            return key == null || key.isBlank() ? null : key.strip();
        }
        try {
            String key = Files.readString(keyFile).lines().findFirst().orElse("").strip();
            if (key.isEmpty()) {
                throw wrong("the first line of " + keyFile + " is empty; put the key there");
            }
            return key;
        } catch (IOException e) {
            throw wrong("cannot read " + keyFile + ": " + e.getMessage());
        }
    }

    private void warnIfReachable(String key) {
        try {
            if (!InetAddress.getByName(host).isLoopbackAddress() && key == null) {
                spec.commandLine().getErr().println("magnet-server: warning: everybody who reaches " + host
                        + " may use this server; --api-key-file keeps strangers out");
            }
        } catch (IOException e) {
            throw wrong("--host is " + host + ", which is no address of this machine: " + e.getMessage());
        }
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private static String nameOf(Path file) {
        return file.getFileName().toString().replaceFirst("\\.gguf$", "");
    }

    /** What --version prints. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"magnet-server " + Magnet.version()};
        }
    }
}
