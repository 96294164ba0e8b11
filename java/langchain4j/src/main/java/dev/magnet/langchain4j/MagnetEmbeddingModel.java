package dev.magnet.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.embedding.response.EmbeddingResponseMetadata;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import dev.magnet.Magnet;
import dev.magnet.Truncation;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Embeds texts. Requests of many callers that come at the same time are computed together, as by
 * {@link Magnet#embedAllAsync}. {@code DIMENSIONS} keeps the first numbers of a vector, at length 1; {@code INPUT_TYPE}
 * chooses between the two instructions of the builder.
 */
public final class MagnetEmbeddingModel implements EmbeddingModel, AutoCloseable {
    private final Lease lease;
    private final EmbedOptions options;
    private final @Nullable String queryInstruction;
    private final @Nullable String documentInstruction;
    private final List<EmbeddingModelListener> listeners;

    /** Embeds with a model that the caller goes on owning, in the way its adapter was trained for. */
    public MagnetEmbeddingModel(Magnet magnet) {
        this(Lease.borrowed(magnet), builder());
    }

    private MagnetEmbeddingModel(Lease lease, MagnetEmbeddingModelBuilder builder) {
        this.lease = lease;
        EmbedOptions how = EmbedOptions.defaults().withInstruction(builder.instruction).withAdapters(lease.adapters());
        how = builder.dimensions == null ? how : how.withDimensions(builder.dimensions);
        how = builder.maxTokens == null ? how : how.withMaxTokens(builder.maxTokens);
        this.options = Boolean.TRUE.equals(builder.truncate) ? how.withTruncate(Truncation.HEAD) : how;
        this.queryInstruction = builder.queryInstruction;
        this.documentInstruction = builder.documentInstruction;
        int most = lease.magnet().info().dimensions();
        if (options.dimensions() < 0 || options.dimensions() > most) {
            throw new InvalidRequestException(
                    "dimensions is " + options.dimensions() + "; " + lease.modelName() + " has 1 to " + most);
        }
        this.listeners = builder.listeners == null ? List.of() : List.copyOf(builder.listeners);
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetEmbeddingModelBuilder builder() {
        return new MagnetEmbeddingModelBuilder();
    }

    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
        return response(await(lease.magnet().embedAllAsync(texts(request), options(request.parameters()))));
    }

    /**
     * The same without waiting. Newer versions of LangChain4j call it in {@code embedAsync}. Cancelling the future keeps texts
     * that wait from being computed.
     */
    public CompletableFuture<EmbeddingResponse> doEmbedAsync(EmbeddingRequest request) {
        try {
            CompletableFuture<Embeddings> computed =
                    lease.magnet().embedAllAsync(texts(request), options(request.parameters()));
            return Failures.then(computed, this::response);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(Failures.of(e));
        }
    }

    /** The interface's own would leave a segment out that is null, and vectors would stand beside other segments than theirs. */
    @Override
    public Response<List<Embedding>> embedAll(@Nullable List<TextSegment> segments) {
        Failures.refuseNulls(segments, "segment");
        return EmbeddingModel.super.embedAll(segments);
    }

    private static List<String> texts(EmbeddingRequest request) {
        return request.inputs().stream().map(EmbeddingInput::text).toList();
    }

    private EmbedOptions options(EmbeddingRequestParameters parameters) {
        EmbedOptions how = parameters.dimensions() == null ? options : options.withDimensions(parameters.dimensions());
        EmbeddingInputType type = parameters.inputType();
        String instruction = type == EmbeddingInputType.QUERY ? queryInstruction
                : type == EmbeddingInputType.DOCUMENT ? documentInstruction : null;
        return instruction == null ? how : how.withInstruction(instruction);
    }

    private static Embeddings await(CompletableFuture<Embeddings> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            future.cancel(true);
            Thread.currentThread().interrupt();
            throw new LangChain4jException("interrupted while embedding", e);
        } catch (ExecutionException e) {
            throw Failures.of(e.getCause());
        }
    }

    private EmbeddingResponse response(Embeddings embeddings) {
        long tokens = embeddings.tokens();
        return EmbeddingResponse.builder()
                .embeddings(Arrays.stream(embeddings.vectors()).map(Embedding::from).toList())
                .metadata(EmbeddingResponseMetadata.builder()
                        .modelName(modelName())
                        .tokenUsage(new TokenUsage(Math.toIntExact(tokens)))
                        .build())
                .build();
    }

    @Override
    public Set<EmbeddingParameter<?>> supportedParameters() {
        return Set.of(EmbeddingRequestParameters.DIMENSIONS, EmbeddingRequestParameters.INPUT_TYPE);
    }

    @Override
    public List<EmbeddingModelListener> listeners() {
        return listeners;
    }

    /** What the builder says, else {@link dev.magnet.ModelInfo#dimensions()}; nothing is embedded to find out. */
    @Override
    public int dimension() {
        return options.dimensions() > 0 ? options.dimensions() : lease.magnet().info().dimensions();
    }

    @Override
    public String modelName() {
        return lease.modelName();
    }

    /** Frees the model if a builder loaded it and nobody else uses it. */
    @Override
    public void close() {
        lease.close();
    }

    /** Settings of a {@link MagnetEmbeddingModel}. */
    public static final class MagnetEmbeddingModelBuilder extends MagnetBuilder<MagnetEmbeddingModelBuilder> {
        private @Nullable String instruction;
        private @Nullable String queryInstruction;
        private @Nullable String documentInstruction;
        private @Nullable Integer dimensions;
        private @Nullable Integer maxTokens;
        private @Nullable Boolean truncate;
        private @Nullable List<EmbeddingModelListener> listeners;

        private MagnetEmbeddingModelBuilder() {
            super(true);
        }

        @Override
        protected MagnetEmbeddingModelBuilder self() {
            return this;
        }

        /** Prefix of every text. Default: the adapter's; "" = none. */
        public MagnetEmbeddingModelBuilder instruction(@Nullable String instruction) {
            this.instruction = instruction;
            return this;
        }

        /** Prefix of texts that search (input type QUERY). Default: {@link #instruction(String)}. */
        public MagnetEmbeddingModelBuilder queryInstruction(@Nullable String queryInstruction) {
            this.queryInstruction = queryInstruction;
            return this;
        }

        /** Prefix of texts that are searched (input type DOCUMENT). Default: {@link #instruction(String)}. */
        public MagnetEmbeddingModelBuilder documentInstruction(@Nullable String documentInstruction) {
            this.documentInstruction = documentInstruction;
            return this;
        }

        /** Numbers of a vector, its first ones. Default: all that the model has. */
        public MagnetEmbeddingModelBuilder dimensions(@Nullable Integer dimensions) {
            this.dimensions = dimensions;
            return this;
        }

        /** Most tokens of one text. Default: as many as the model reads. */
        public MagnetEmbeddingModelBuilder maxTokens(@Nullable Integer maxTokens) {
            this.maxTokens = maxTokens;
            return this;
        }

        /** Whether the head of a text that is too long is embedded; otherwise it is refused. Default: false. */
        public MagnetEmbeddingModelBuilder truncate(@Nullable Boolean truncate) {
            this.truncate = truncate;
            return this;
        }

        /** Told of requests, responses and errors. */
        public MagnetEmbeddingModelBuilder listeners(@Nullable List<EmbeddingModelListener> listeners) {
            this.listeners = listeners;
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetEmbeddingModel build() {
            return open(lease -> new MagnetEmbeddingModel(lease, this));
        }
    }
}
