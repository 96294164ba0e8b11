package dev.magnet.langchain4j;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import java.util.List;

/** LangChain4j's own tests of listeners to streams. */
class StreamingChatModelListenerTckTest extends AbstractStreamingChatModelListenerIT {
    private MagnetStreamingChatModel.MagnetStreamingChatModelBuilder builder(ChatModelListener listener) {
        return MagnetStreamingChatModel.builder()
                .modelPath(TestModels.chat())
                .temperature(temperature())
                .topP(topP())
                .maxOutputTokens(maxTokens())
                .listeners(List.of(listener));
    }

    @Override
    protected StreamingChatModel createModel(ChatModelListener listener) {
        return builder(listener).build();
    }

    @Override
    protected StreamingChatModel createFailingModel(ChatModelListener listener) {
        return builder(listener).ctx(8).build();
    }

    @Override
    protected String modelName() {
        return builder(new ChatModelListener() {}).build().defaultRequestParameters().modelName();
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
        return InvalidRequestException.class;
    }

    @Override
    protected boolean supportsTools() {
        return ChatTck.supportsTools();
    }
}
