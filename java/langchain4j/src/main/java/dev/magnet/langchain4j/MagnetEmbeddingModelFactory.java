package dev.magnet.langchain4j;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.spi.model.embedding.EmbeddingModelFactory;

/**
 * The embedding model of an application that names none: the model of system property {@code magnet.model}, else of
 * {@code $MAGNET_MODEL}, else {@value MagnetBuilder#DEFAULT_MODEL}, with the adapter that is known for it.
 */
public final class MagnetEmbeddingModelFactory implements EmbeddingModelFactory {
    /** For {@link java.util.ServiceLoader}. */
    public MagnetEmbeddingModelFactory() {}

    @Override
    public EmbeddingModel create() {
        String model = System.getProperty("magnet.model", System.getenv("MAGNET_MODEL"));
        return MagnetEmbeddingModel.builder().model(model).build();
    }
}
