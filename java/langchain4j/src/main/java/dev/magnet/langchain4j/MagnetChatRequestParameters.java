package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Parameters of a chat, with those that only MAGNET has. A null leaves the default. */
public final class MagnetChatRequestParameters extends DefaultChatRequestParameters {
    /** Nothing set. */
    public static final MagnetChatRequestParameters EMPTY = builder().build();

    private final @Nullable Double minP;
    private final @Nullable Double repeatPenalty;
    private final @Nullable Integer seed;
    private final @Nullable String grammar;

    private MagnetChatRequestParameters(Builder builder) {
        super(builder);
        this.minP = builder.minP;
        this.repeatPenalty = builder.repeatPenalty;
        this.seed = builder.seed;
        this.grammar = builder.grammar;
    }

    /** {@link dev.magnet.Sampling#minP()}. */
    public @Nullable Double minP() {
        return minP;
    }

    /** {@link dev.magnet.Sampling#repeatPenalty()}. */
    public @Nullable Double repeatPenalty() {
        return repeatPenalty;
    }

    /** {@link dev.magnet.Sampling#seed()}: the same seed gives the same answer to the same conversation, save for rounding ({@link MagnetBuilder#reusePrefix}). */
    public @Nullable Integer seed() {
        return seed;
    }

    /** GBNF grammar that the answer must follow; not beside a response format of JSON. */
    public @Nullable String grammar() {
        return grammar;
    }

    @Override
    public MagnetChatRequestParameters overrideWith(ChatRequestParameters that) {
        return builder().overrideWith(this).overrideWith(that).build();
    }

    @Override
    public MagnetChatRequestParameters defaultedBy(ChatRequestParameters that) {
        return builder().overrideWith(that).overrideWith(this).build();
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other)
                && other instanceof MagnetChatRequestParameters that
                && Objects.equals(minP, that.minP)
                && Objects.equals(repeatPenalty, that.repeatPenalty)
                && Objects.equals(seed, that.seed)
                && Objects.equals(grammar, that.grammar);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), minP, repeatPenalty, seed, grammar);
    }

    @Override
    public String toString() {
        return super.toString() + "{minP=" + minP + ", repeatPenalty=" + repeatPenalty + ", seed=" + seed + ", grammar=" + grammar
                + "}";
    }

    /** A builder with nothing set. */
    public static Builder builder() {
        return new Builder();
    }

    /** Sets parameters. */
    public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
        private @Nullable Double minP;
        private @Nullable Double repeatPenalty;
        private @Nullable Integer seed;
        private @Nullable String grammar;

        private Builder() {}

        /** {@link MagnetChatRequestParameters#minP()}. */
        public Builder minP(@Nullable Double minP) {
            this.minP = minP;
            return this;
        }

        /** {@link MagnetChatRequestParameters#repeatPenalty()}. */
        public Builder repeatPenalty(@Nullable Double repeatPenalty) {
            this.repeatPenalty = repeatPenalty;
            return this;
        }

        /** {@link MagnetChatRequestParameters#seed()}. */
        public Builder seed(@Nullable Integer seed) {
            this.seed = seed;
            return this;
        }

        /** {@link MagnetChatRequestParameters#grammar()}. */
        public Builder grammar(@Nullable String grammar) {
            this.grammar = grammar;
            return this;
        }

        @Override
        public Builder overrideWith(ChatRequestParameters parameters) {
            super.overrideWith(parameters);
            if (parameters instanceof MagnetChatRequestParameters magnet) {
                minP = magnet.minP != null ? magnet.minP : minP;
                repeatPenalty = magnet.repeatPenalty != null ? magnet.repeatPenalty : repeatPenalty;
                seed = magnet.seed != null ? magnet.seed : seed;
                grammar = magnet.grammar != null ? magnet.grammar : grammar;
            }
            return this;
        }

        @Override
        public MagnetChatRequestParameters build() {
            return new MagnetChatRequestParameters(this);
        }
    }
}
