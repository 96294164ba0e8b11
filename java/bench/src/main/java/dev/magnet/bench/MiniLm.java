package dev.magnet.bench;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.langchain4j.model.embedding.onnx.AbstractInProcessEmbeddingModel;
import dev.langchain4j.model.embedding.onnx.OnnxBertBiEncoder;
import dev.langchain4j.model.embedding.onnx.PoolingMode;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.concurrent.Executors;

/**
 * LangChain4j's all-MiniLM-L6-v2 (int8) with as many threads as every side has, each of which computes a text.
 *
 * <p>{@code AllMiniLmL6V2QuantizedEmbeddingModel} takes an executor, too, but each text is then computed by a pool of
 * ONNX Runtime's as well, with a thread for every core: more threads than were asked for, and where several texts are
 * computed at once they only get in each other's way. Its files in a session without that pool are the faster peer.
 */
final class MiniLm extends AbstractInProcessEmbeddingModel {
    private final OnnxBertBiEncoder encoder;

    MiniLm() throws IOException {
        // daemons: they do not keep the JVM from ending
        super(Executors.newFixedThreadPool(Work.THREADS, Thread.ofPlatform().daemon().factory()));
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (var options = new OrtSession.SessionOptions();
                InputStream model = resource("all-minilm-l6-v2-q.onnx");
                InputStream tokenizer = resource("all-minilm-l6-v2-q-tokenizer.json")) {
            options.setIntraOpNumThreads(1); // the caller's
            OrtSession session = environment.createSession(model.readAllBytes(), options);
            encoder = new OnnxBertBiEncoder(environment, session, tokenizer, PoolingMode.MEAN);
        } catch (OrtException e) {
            throw new IOException(e);
        }
    }

    private static InputStream resource(String name) {
        return Objects.requireNonNull(MiniLm.class.getClassLoader().getResourceAsStream(name), name);
    }

    @Override
    protected OnnxBertBiEncoder model() {
        return encoder;
    }
}
