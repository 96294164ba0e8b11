package dev.magnet.server;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.LoadOptions;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What HTTP costs, beside the same calls in one process; the sides take turns. No test: it says times.
 *
 * <pre>java -cp java/server/target/magnet-server.jar:java/server/target/test-classes -Dmagnet.root=. \
 *     dev.magnet.server.Throughput model.gguf adapter.gguf</pre>
 */
final class Throughput {
    private static final int CLIENTS = 64;
    private static final int TEXTS = 256;
    private static final int TOKENS = 100;
    private static final int ROUNDS = 3;

    private final TestServer server;

    private Throughput(TestServer server) {
        this.server = server;
    }

    public static void main(String[] args) throws Exception {
        LoadOptions load = LoadOptions.defaults().withAdapters(Path.of(args[1]));
        try (var server = TestServer.start(Path.of(args[0]), load, ServerOptions.defaults())) {
            var bench = new Throughput(server);
            List<String> texts = sentences();
            double[] packed = new double[ROUNDS];
            double[] served = new double[ROUNDS];
            double[] inProcess = new double[ROUNDS];
            double[] streamed = new double[ROUNDS];
            for (int i = -1; i < ROUNDS; i++) { // the first round warms up
                double a = bench.packed(texts);
                double b = bench.served(texts);
                double c = bench.inProcess();
                double d = bench.streamed();
                if (i >= 0) {
                    packed[i] = a;
                    served[i] = b;
                    inProcess[i] = c;
                    streamed[i] = d;
                }
            }
            double[] ratios = new double[ROUNDS];
            double[] added = new double[ROUNDS];
            for (int i = 0; i < ROUNDS; i++) {
                ratios[i] = served[i] / packed[i];
                added[i] = streamed[i] - inProcess[i];
            }
            System.out.printf("embeddings, texts/s: one packed call %.0f, %d clients of one text %.0f, ratio %.2f%n",
                    median(packed), CLIENTS, median(served), median(ratios));
            System.out.printf("streaming, ms a token: in process %.2f, over HTTP %.2f, added %.2f%n",
                    median(inProcess), median(streamed), median(added));
        }
    }

    /** Ten to twenty words each, no two the same. */
    private static List<String> sentences() {
        String[] words = ("the a cat dog man woman child plays reads sees finds river house garden old young red quiet under over "
                + "near with and because while morning night").split(" ");
        List<String> sentences = new ArrayList<>();
        for (int i = 0; i < TEXTS; i++) {
            var sentence = new StringBuilder("Number " + i);
            for (int k = 0; k < 8 + i % 10; k++) {
                sentence.append(' ').append(words[(i * 31 + k * k * 7 + k) % words.length]);
            }
            sentences.add(sentence.append('.').toString());
        }
        return sentences;
    }

    private double packed(List<String> texts) {
        long began = System.nanoTime();
        server.magnet.embed(texts, EmbedOptions.defaults());
        return texts.size() / seconds(began);
    }

    private double served(List<String> texts) throws Exception {
        var next = new AtomicInteger();
        Callable<Void> client = () -> {
            try (Socket socket = Raw.connect(server); var in = new BufferedInputStream(socket.getInputStream(), 1 << 16)) {
                socket.setTcpNoDelay(true);
                for (int i = next.getAndIncrement(); i < texts.size(); i = next.getAndIncrement()) {
                    post(socket, "/v1/embeddings", "{\"input\": \"" + texts.get(i) + "\", \"encoding_format\": \"base64\"}");
                    in.readNBytes(header(in));
                }
            }
            return null;
        };
        long began = System.nanoTime();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Void> done : threads.invokeAll(Collections.nCopies(CLIENTS, client))) {
                done.get();
            }
        }
        return texts.size() / seconds(began);
    }

    private double inProcess() {
        long[] at = new long[2];
        GenerateOptions options = GenerateOptions.defaults().withTemperature(0).withMaxTokens(TOKENS).withIgnoreEos(true);
        int[] count = {0};
        server.magnet.generate("Once upon a time", options).forEach(token -> {
            at[count[0] == 0 ? 0 : 1] = System.nanoTime();
            count[0]++;
        });
        return (at[1] - at[0]) / 1e6 / (count[0] - 1);
    }

    /** From the first event with text to the last. */
    private double streamed() throws Exception {
        try (Socket socket = Raw.connect(server); var in = new BufferedInputStream(socket.getInputStream(), 1 << 16)) {
            post(socket, "/v1/completions", "{\"prompt\": \"Once upon a time\", \"temperature\": 0, \"max_tokens\": " + TOKENS
                    + ", \"stream\": true, \"logit_bias\": {\"2\": -100, \"0\": -100}}");
            header(in);
            long first = 0;
            long last = 0;
            int count = 0;
            for (String line = line(in); !line.contains("[DONE]"); line = line(in)) {
                if (line.startsWith("data: ") && line.contains("\"finish_reason\":null")) {
                    last = System.nanoTime();
                    first = count++ == 0 ? last : first;
                }
            }
            return (last - first) / 1e6 / (count - 1);
        }
    }

    private static void post(Socket socket, String path, String json) throws IOException {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        byte[] head = ("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                + body.length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(head, head.length + body.length);
        System.arraycopy(body, 0, all, head.length, body.length);
        socket.getOutputStream().write(all);
    }

    /** Reads the headers; returns the length of the body, or 0 if it comes in chunks. */
    private static int header(InputStream in) throws IOException {
        String status = line(in);
        if (!status.startsWith("HTTP/1.1 200")) {
            throw new IOException(status);
        }
        int length = 0;
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            if (line.toLowerCase().startsWith("content-length:")) {
                length = Integer.parseInt(line.substring(15).strip());
            }
        }
        return length;
    }

    private static String line(InputStream in) throws IOException {
        var line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    private static double seconds(long began) {
        return (System.nanoTime() - began) / 1e9;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
