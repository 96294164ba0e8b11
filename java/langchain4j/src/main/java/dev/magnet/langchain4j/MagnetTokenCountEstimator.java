package dev.magnet.langchain4j;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.TokenCountEstimator;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Message;
import java.util.List;

/**
 * Counts tokens as the model reads them: a text exactly, a conversation as its chat template renders it. Of a message
 * alone, the tokens that the template puts around one are counted too.
 */
public final class MagnetTokenCountEstimator implements TokenCountEstimator, AutoCloseable {
    private final Lease lease;

    /** Counts with a model that the caller goes on owning. */
    public MagnetTokenCountEstimator(Magnet magnet) {
        this(Lease.borrowed(magnet));
    }

    private MagnetTokenCountEstimator(Lease lease) {
        this.lease = lease;
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetTokenCountEstimatorBuilder builder() {
        return new MagnetTokenCountEstimatorBuilder();
    }

    @Override
    public int estimateTokenCountInText(String text) {
        Failures.refuseNull(text, "text");
        try {
            return lease.magnet().tokenize(text).length;
        } catch (RuntimeException e) {
            throw Failures.of(e);
        }
    }

    @Override
    public int estimateTokenCountInMessage(ChatMessage message) {
        Failures.refuseNull(message, "message");
        return estimateTokenCountInText(Conversation.of(message).content()) + aroundOne();
    }

    @Override
    public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
        Failures.refuseNull(messages, "messages");
        messages.forEach(message -> Failures.refuseNull(message, "a message"));
        List<Message> conversation = Conversation.of(messages);
        if (conversation.isEmpty()) {
            return 0;
        }
        try {
            return rendered(conversation);
        } catch (MagnetException e) { // no template, or one that refuses a part of a conversation
            int around = aroundOne();
            return conversation.stream().mapToInt(one -> estimateTokenCountInText(one.content()) + around).sum();
        }
    }

    private int rendered(List<Message> conversation) {
        Magnet magnet = lease.magnet();
        return magnet.tokenize(magnet.chatPrompt(conversation, false), false, true).length;
    }

    /** The difference that two more messages make, whose texts are a token each. */
    private int aroundOne() {
        Message user = Message.user("a");
        try {
            int one = rendered(List.of(user));
            return Math.max(0, (rendered(List.of(user, Message.assistant("a"), user)) - one) / 2 - 1);
        } catch (MagnetException e) {
            return 0;
        }
    }

    /** Frees the model if a builder loaded it and nobody else uses it. */
    @Override
    public void close() {
        lease.close();
    }

    /** Settings of a {@link MagnetTokenCountEstimator}. */
    public static final class MagnetTokenCountEstimatorBuilder extends MagnetBuilder<MagnetTokenCountEstimatorBuilder> {
        private MagnetTokenCountEstimatorBuilder() {
            super(false);
        }

        @Override
        protected MagnetTokenCountEstimatorBuilder self() {
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetTokenCountEstimator build() {
            return open(MagnetTokenCountEstimator::new);
        }
    }
}
