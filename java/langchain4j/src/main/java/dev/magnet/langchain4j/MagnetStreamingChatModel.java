package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.magnet.Magnet;
import dev.magnet.Token;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * {@link MagnetChatModel}, delivering as the text comes: all callbacks of a request on one thread of its own. An exception
 * of a callback is told to {@code onError}, and the answer goes on. {@code StreamingHandle.cancel()} stops the generation.
 */
public final class MagnetStreamingChatModel implements StreamingChatModel, AutoCloseable {
    private final Lease lease;
    private final ChatRequestParameters parameters;
    private final @Nullable Duration timeout;
    private final List<ChatModelListener> listeners;

    /** Chats with a model that the caller goes on owning. */
    public MagnetStreamingChatModel(Magnet magnet) {
        this(Lease.borrowed(magnet), builder());
    }

    private MagnetStreamingChatModel(Lease lease, MagnetStreamingChatModelBuilder builder) {
        this.lease = lease;
        this.parameters = builder.parameters(lease);
        this.timeout = builder.timeout();
        this.listeners = builder.listeners();
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetStreamingChatModelBuilder builder() {
        return new MagnetStreamingChatModelBuilder();
    }

    /** Returns at once. What the request has that is not supported is thrown here; what fails later goes to the handler. */
    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        var delivery = new Delivery(new ChatCall(lease, request, timeout), handler);
        Thread.ofPlatform().daemon().name("magnet-chat").start(delivery);
    }

    /** The interface's own would hand on one that is null in a handler of its own. */
    @Override
    public void chat(ChatRequest request, @Nullable StreamingChatResponseHandler handler) {
        Failures.refuseNull(handler, "handler");
        StreamingChatModel.super.chat(request, handler);
    }

    /**
     * The tokens of an answer, for a subscriber that asks for them. Subscribing starts it, cancelling the subscription stops
     * it. Listeners are not told, and calls of tools are text. Failures are those of a handler: after the timeout, or when the
     * model is closed, the answer does not end as if it were complete.
     */
    public Flow.Publisher<Token> publisher(ChatRequest request) {
        ChatRequest complete = ChatRequest.builder()
                .messages(request.messages())
                .parameters(parameters.overrideWith(request.parameters()))
                .build();
        try {
            Flow.Publisher<Token> tokens = new ChatCall(lease, complete, timeout).generation().publisher();
            return subscriber -> tokens.subscribe(Failures.told(subscriber));
        } catch (RuntimeException e) {
            throw Failures.of(e);
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

    /** Settings of a {@link MagnetStreamingChatModel}. */
    public static final class MagnetStreamingChatModelBuilder extends ChatBuilder<MagnetStreamingChatModelBuilder> {
        private MagnetStreamingChatModelBuilder() {}

        @Override
        protected MagnetStreamingChatModelBuilder self() {
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetStreamingChatModel build() {
            return open(lease -> new MagnetStreamingChatModel(lease, this));
        }
    }
}
