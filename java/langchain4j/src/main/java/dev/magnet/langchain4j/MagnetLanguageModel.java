package dev.magnet.langchain4j;

import dev.langchain4j.model.language.LanguageModel;
import dev.langchain4j.model.output.Response;
import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.Magnet;

/** Continues a prompt, without a chat template. */
public final class MagnetLanguageModel implements LanguageModel, AutoCloseable {
    private final Lease lease;
    private final GenerateOptions options;

    /** Continues with a model that the caller goes on owning. */
    public MagnetLanguageModel(Magnet magnet) {
        this(Lease.borrowed(magnet), builder());
    }

    private MagnetLanguageModel(Lease lease, MagnetLanguageModelBuilder builder) {
        this.lease = lease;
        this.options = Generating.options(builder.parameters(), builder.timeout()).withAdapters(lease.adapters());
    }

    /** A builder, which loads a model or shares one that is loaded. */
    public static MagnetLanguageModelBuilder builder() {
        return new MagnetLanguageModelBuilder();
    }

    @Override
    public Response<String> generate(String prompt) {
        Failures.refuseNull(prompt, "prompt");
        try {
            Generated generated = lease.magnet().generate(prompt, options).result();
            return Response.from(
                    generated.text(), Generating.usage(generated.usage()), Generating.finish(generated.stop()));
        } catch (RuntimeException e) {
            throw Failures.of(e);
        }
    }

    /** Frees the model if a builder loaded it and nobody else uses it. */
    @Override
    public void close() {
        lease.close();
    }

    /** Settings of a {@link MagnetLanguageModel}. */
    public static final class MagnetLanguageModelBuilder extends GeneratingBuilder<MagnetLanguageModelBuilder> {
        private MagnetLanguageModelBuilder() {}

        @Override
        protected MagnetLanguageModelBuilder self() {
            return this;
        }

        /**
         * Loads the model.
         *
         * @throws dev.langchain4j.exception.ModelNotFoundException if it cannot be had
         */
        public MagnetLanguageModel build() {
            return open(lease -> new MagnetLanguageModel(lease, this));
        }
    }
}
