package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.magnet.Answer;
import dev.magnet.Magnet;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Answers in a conversation, by the chat template in the model's file. A JSON response format, with or without a schema, is
 * a grammar: nothing else can come. Tools work where the template speaks of them.
 *
 * <p>An interrupt ends a call with {@link dev.langchain4j.exception.LangChain4jException}; the thread stays interrupted.
 */
public final class MagnetChatModel implements ChatModel, AutoCloseable {
    private final Lease lease;
    private final ChatRequestParameters parameters;
    private final @Nullable Duration timeout;
    private final List<ChatModelListener> listeners;

    /** Chats with a model that the caller goes on owning. */
    public MagnetChatModel(Magnet magnet) {
        this(Lease.borrowed(magnet), builder());
    }

    private MagnetChatModel(Lease lease, MagnetChatModelBuilder builder) {
        this.lease = lease;
        this.parameters = builder.parameters(lease);
        this.timeout = builder.timeout();
        this.listeners = builder.listeners();
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetChatModelBuilder builder() {
        return new MagnetChatModelBuilder();
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        var call = new ChatCall(lease, request, timeout);
        try {
            return call.response(call.generation().result());
        } catch (RuntimeException e) {
            throw Failures.of(e);
        }
    }

    /** The same without waiting, which newer versions of LangChain4j call in {@code chatAsync}. Cancelling the future stops it. */
    public CompletableFuture<ChatResponse> doChatAsync(ChatRequest request) {
        try {
            var call = new ChatCall(lease, request, timeout);
            CompletableFuture<Answer> generated = call.generation().async();
            return Failures.then(generated, call::response);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(Failures.of(e));
        }
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return parameters;
    }

    @Override
    public List<ChatModelListener> listeners() {
        return listeners;
    }

    @Override
    public Set<Capability> supportedCapabilities() {
        return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }

    /** Frees the model if a builder loaded it and nobody else uses it. */
    @Override
    public void close() {
        lease.close();
    }

    /** Settings of a {@link MagnetChatModel}. */
    public static final class MagnetChatModelBuilder extends ChatBuilder<MagnetChatModelBuilder> {
        private MagnetChatModelBuilder() {}

        @Override
        protected MagnetChatModelBuilder self() {
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetChatModel build() {
            return open(lease -> new MagnetChatModel(lease, this));
        }
    }
}
