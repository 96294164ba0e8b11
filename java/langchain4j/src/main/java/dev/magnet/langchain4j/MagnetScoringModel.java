package dev.magnet.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.magnet.Magnet;
import dev.magnet.Part;
import dev.magnet.ScoreOptions;
import dev.magnet.Scored;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Scores segments by how likely the query is behind each of them: the geometric mean of the probabilities of the query's
 * tokens, in (0, 1], given "SEGMENT\n\nQuestion: ". The score of a segment does not depend on the others, nor on the
 * length of the query. It is no probability that the segment is relevant: compare scores of one query.
 */
public final class MagnetScoringModel implements ScoringModel, AutoCloseable {
    private static final String DEFAULT_SEPARATOR = "\n\nQuestion: ";

    private final Lease lease;
    private final String separator;

    /** Scores with a model that the caller goes on owning. */
    public MagnetScoringModel(Magnet magnet) {
        this(Lease.borrowed(magnet), builder());
    }

    private MagnetScoringModel(Lease lease, MagnetScoringModelBuilder builder) {
        this.lease = lease;
        this.separator = builder.separator == null ? DEFAULT_SEPARATOR : builder.separator;
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetScoringModelBuilder builder() {
        return new MagnetScoringModelBuilder();
    }

    @Override
    public Response<List<Double>> scoreAll(@Nullable List<TextSegment> segments, String query) {
        Failures.refuseNull(query, "query");
        if (segments == null || segments.isEmpty()) {
            return Response.from(List.of());
        }
        Failures.refuseNulls(segments, "segment");
        List<List<Part>> items = segments.stream()
                .map(segment -> List.of(Part.text(segment.text() + separator), Part.filled(query)))
                .toList();
        try {
            List<Scored> scored = lease.magnet().score(items, ScoreOptions.defaults().withAdapters(lease.adapters()));
            return Response.from(scored.stream().map(Scored::perplexity).map(MagnetScoringModel::probability).toList());
        } catch (RuntimeException e) {
            throw Failures.of(e);
        }
    }

    /** Of a query without a token nothing is unlikely. */
    private static double probability(double perplexity) {
        return Double.isNaN(perplexity) ? 1 : 1 / perplexity;
    }

    /** Frees the model if a builder loaded it and nobody else uses it. */
    @Override
    public void close() {
        lease.close();
    }

    /** Settings of a {@link MagnetScoringModel}. */
    public static final class MagnetScoringModelBuilder extends MagnetBuilder<MagnetScoringModelBuilder> {
        private @Nullable String separator;

        private MagnetScoringModelBuilder() {
            super(false);
        }

        @Override
        protected MagnetScoringModelBuilder self() {
            return this;
        }

        /** What stands between a segment and the query. */
        public MagnetScoringModelBuilder separator(@Nullable String separator) {
            this.separator = separator;
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetScoringModel build() {
            return open(lease -> new MagnetScoringModel(lease, this));
        }
    }
}
