package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What builders of chat models ask for besides.
 *
 * @param <B> the builder itself
 */
public abstract class ChatBuilder<B extends ChatBuilder<B>> extends GeneratingBuilder<B> {
    private @Nullable ChatRequestParameters defaultRequestParameters;
    private @Nullable List<ChatModelListener> listeners;

    /** For the builders of this package. */
    protected ChatBuilder() {}

    /** Parameters of every request that says nothing else; the settings of this builder count before them. */
    public B defaultRequestParameters(@Nullable ChatRequestParameters defaultRequestParameters) {
        this.defaultRequestParameters = defaultRequestParameters;
        return self();
    }

    /** Told of requests, responses and errors. */
    public B listeners(@Nullable List<ChatModelListener> listeners) {
        Failures.refuseNulls(listeners, "listener");
        this.listeners = listeners;
        return self();
    }

    List<ChatModelListener> listeners() {
        return listeners == null ? List.of() : List.copyOf(listeners);
    }

    /** All parameters, checked, with the model's name. */
    ChatRequestParameters parameters(Lease lease) {
        MagnetChatRequestParameters.Builder all = MagnetChatRequestParameters.builder();
        all.modelName(lease.modelName());
        if (defaultRequestParameters != null) {
            all.overrideWith(defaultRequestParameters);
        }
        ChatRequestParameters parameters = all.overrideWith(parameters()).build();
        ChatCall.check(parameters, lease);
        Generating.options(parameters, timeout()); // refused now rather than by the first request
        return parameters;
    }
}
