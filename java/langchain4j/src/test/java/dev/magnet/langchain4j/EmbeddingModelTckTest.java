package dev.magnet.langchain4j;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.magnet.DefaultModel;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** LangChain4j's own tests of embedding models. */
class EmbeddingModelTckTest extends AbstractEmbeddingModelIT {
    /** Keeps the model in memory. */
    private final MagnetEmbeddingModel kept = builder().build();

    private static MagnetEmbeddingModel.MagnetEmbeddingModelBuilder builder() {
        return MagnetEmbeddingModel.builder()
                .modelPath(DefaultModel.path())
                .adapterPath(DefaultModel.adapter())
                .queryInstruction("Given the question, find the text that answers it:");
    }

    @AfterAll
    void close() {
        kept.close();
    }

    @Override
    protected List<EmbeddingModel> models() {
        return List.of(builder().build()); // JUnit closes its arguments
    }

    @Override
    protected EmbeddingModel modelWith(EmbeddingModelListener listener) {
        return builder().listeners(List.of(listener)).build();
    }

    @Override
    protected EmbeddingModel failingModelWith(EmbeddingModelListener listener) {
        return builder().maxTokens(1).listeners(List.of(listener)).build();
    }

    @Override
    protected boolean supportsImageInput() {
        return false;
    }
}
