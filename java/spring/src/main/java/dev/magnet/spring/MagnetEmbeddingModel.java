package dev.magnet.spring;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.Truncation;
import io.micrometer.observation.ObservationRegistry;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.AbstractEmbeddingModel;
import org.springframework.ai.embedding.Embedding;
import org.springframework.ai.embedding.EmbeddingOptions;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.ai.embedding.EmbeddingResponse;
import org.springframework.ai.embedding.EmbeddingResponseMetadata;
import org.springframework.ai.embedding.observation.DefaultEmbeddingModelObservationConvention;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationContext;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationConvention;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationDocumentation;

/**
 * Embeds texts. Requests that come at the same time, from any threads, are computed together. A failure is a
 * {@link dev.magnet.MagnetException}.
 */
public class MagnetEmbeddingModel extends AbstractEmbeddingModel {
    private static final EmbeddingModelObservationConvention CONVENTION = new DefaultEmbeddingModelObservationConvention();

    private final MagnetReference magnet;
    private final MagnetProperties properties;
    private final ObservationRegistry registry;
    private final @Nullable EmbeddingModelObservationConvention convention;

    /**
     * Embeds with a model that is asked for when it is needed.
     *
     * @param convention of observations; null = Spring AI's
     */
    public MagnetEmbeddingModel(
            MagnetReference magnet,
            MagnetProperties properties,
            ObservationRegistry registry,
            @Nullable EmbeddingModelObservationConvention convention) {
        this.magnet = magnet;
        this.properties = properties;
        this.registry = registry;
        this.convention = convention;
    }

    @Override
    public EmbeddingResponse call(EmbeddingRequest request) {
        EmbeddingOptions asked = request.getOptions();
        magnet.checkName(asked == null ? null : asked.getModel());
        EmbeddingOptions named = EmbeddingOptions.builder()
                .model(magnet.name())
                .dimensions(asked == null ? null : asked.getDimensions())
                .build();
        var context = EmbeddingModelObservationContext.builder()
                .embeddingRequest(new EmbeddingRequest(
                        request.getInstructions(), asked == null || asked.getModel() == null ? named : asked))
                .provider(MagnetAutoConfiguration.PROVIDER)
                .build();
        return EmbeddingModelObservationDocumentation.EMBEDDING_MODEL_OPERATION
                .observation(convention, CONVENTION, () -> context, registry)
                .observe(() -> {
                    EmbeddingResponse response = embed(request);
                    context.setResponse(response);
                    return response;
                });
    }

    private EmbeddingResponse embed(EmbeddingRequest request) {
        Embeddings embeddings = await(magnet.get().embedAllAsync(request.getInstructions(), options(request.getOptions())));
        float[][] vectors = embeddings.vectors();
        List<Embedding> results =
                IntStream.range(0, vectors.length).mapToObj(i -> new Embedding(vectors[i], i)).toList();
        int tokens = Math.toIntExact(embeddings.tokens());
        return new EmbeddingResponse(results, new EmbeddingResponseMetadata(magnet.name(), new DefaultUsage(tokens, 0)));
    }

    private static Embeddings await(CompletableFuture<Embeddings> running) {
        try {
            return running.get();
        } catch (InterruptedException e) {
            running.cancel(true);
            Thread.currentThread().interrupt();
            throw new MagnetException(Status.CANCELLED, "interrupted while embedding", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
    }

    private EmbedOptions options(@Nullable EmbeddingOptions request) {
        MagnetProperties.Embedding how = properties.embedding();
        EmbedOptions options = EmbedOptions.defaults().withInstruction(how.instruction());
        Integer dimensions = request != null && request.getDimensions() != null ? request.getDimensions() : how.dimensions();
        options = dimensions == null ? options : options.withDimensions(dimensions);
        return how.truncate() ? options.withTruncate(Truncation.HEAD) : options;
    }

    @Override
    public float[] embed(Document document) {
        String text = getEmbeddingContent(document);
        return embed(text == null ? "" : text);
    }

    /** What the properties say, else what the model has; nothing is embedded to find out. */
    @Override
    public int dimensions() {
        Integer dimensions = properties.embedding().dimensions();
        return dimensions != null ? dimensions : magnet.get().info().dimensions();
    }
}
