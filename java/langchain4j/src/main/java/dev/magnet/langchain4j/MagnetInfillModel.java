package dev.magnet.langchain4j;

import dev.langchain4j.model.output.Response;
import dev.magnet.InfillOptions;
import dev.magnet.Infilled;
import dev.magnet.Magnet;
import dev.magnet.Part;
import dev.magnet.Span;
import dev.magnet.StopReason;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Fills a gap in a text with sight of both sides, which LangChain4j has no interface for. What comes may depend on the
 * adapter: it says how gaps are read.
 */
public final class MagnetInfillModel implements AutoCloseable {
    private final Lease lease;
    private final InfillOptions options;

    /** Infills with a model that the caller goes on owning, always with the likeliest token. */
    public MagnetInfillModel(Magnet magnet) {
        this(Lease.borrowed(magnet), builder());
    }

    private MagnetInfillModel(Lease lease, MagnetInfillModelBuilder builder) {
        this.lease = lease;
        InfillOptions how = InfillOptions.defaults().withTimeout(builder.timeout).withAdapters(lease.adapters());
        how = builder.maxTokens == null ? how : how.withMaxTokens(builder.maxTokens);
        how = builder.temperature == null ? how : how.withTemperature(builder.temperature);
        this.options = builder.seed == null ? how : how.withSeed(builder.seed);
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetInfillModelBuilder builder() {
        return new MagnetInfillModelBuilder();
    }

    /**
     * What stands between two texts: {@code left + infill(left, right) + right} is the whole.
     *
     * @throws dev.langchain4j.exception.InvalidRequestException if both together are too long
     * @throws dev.langchain4j.exception.TimeoutException after the timeout of the builder
     */
    public Response<String> infill(String left, String right) {
        Failures.refuseNull(left, "left");
        Failures.refuseNull(right, "right");
        try {
            Infilled infilled =
                    lease.magnet().infill(List.of(Part.text(left), Part.gap(), Part.text(right)), options);
            StopReason stop = infilled.spans().stream().map(Span::stop).findFirst().orElse(StopReason.NONE);
            return Response.from(
                    infilled.fillings().getFirst(), Generating.usage(infilled.usage()), Generating.finish(stop));
        } catch (RuntimeException e) {
            throw Failures.of(e);
        }
    }

    /** Frees the model if a builder loaded it and nobody else uses it. */
    @Override
    public void close() {
        lease.close();
    }

    /** Settings of a {@link MagnetInfillModel}. */
    public static final class MagnetInfillModelBuilder extends MagnetBuilder<MagnetInfillModelBuilder> {
        private @Nullable Integer maxTokens;
        private @Nullable Double temperature;
        private @Nullable Integer seed;
        private @Nullable Duration timeout;

        private MagnetInfillModelBuilder() {
            super(true);
        }

        @Override
        protected MagnetInfillModelBuilder self() {
            return this;
        }

        /** Most tokens of a gap. */
        public MagnetInfillModelBuilder maxTokens(@Nullable Integer maxTokens) {
            this.maxTokens = maxTokens;
            return this;
        }

        /** 0, which is the default, is always the likeliest token. */
        public MagnetInfillModelBuilder temperature(@Nullable Double temperature) {
            this.temperature = temperature;
            return this;
        }

        /** The same seed gives the same filling of the same gap, save for rounding ({@link MagnetBuilder#reusePrefix}). */
        public MagnetInfillModelBuilder seed(@Nullable Integer seed) {
            this.seed = seed;
            return this;
        }

        /** A call that takes longer fails. */
        public MagnetInfillModelBuilder timeout(@Nullable Duration timeout) {
            this.timeout = timeout;
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetInfillModel build() {
            return open(lease -> new MagnetInfillModel(lease, this));
        }
    }
}
