package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** LangChain4j's own tests of chat models. */
class ChatModelTckTest extends AbstractChatModelIT {
    /** Keeps the model in memory. */
    private final MagnetChatModel kept = ChatTck.greedy(MagnetChatModel.builder()).build();

    @AfterAll
    void close() {
        kept.close();
    }

    @Override
    protected List<ChatModel> models() {
        return List.of(ChatTck.greedy(MagnetChatModel.builder()).build()); // JUnit closes its arguments
    }

    @Override
    protected ChatModel createModelWith(ChatRequestParameters parameters) {
        return ChatTck.greedy(MagnetChatModel.builder()).defaultRequestParameters(parameters).build();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
        return ChatTck.ownParameters(maxOutputTokens);
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_respect_system_message(ChatModel model) {
        ChatTck.needsALargerModel("translate into German");
        super.should_respect_system_message(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_respect_multiple_messages(ChatModel model) {
        ChatTck.needsALargerModel("remember what was said three turns before");
        super.should_respect_multiple_messages(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    @EnabledIf("supportsTools")
    protected void should_execute_multiple_tools_in_parallel_then_answer(ChatModel model) {
        ChatTck.needsParallelCalls();
        super.should_execute_multiple_tools_in_parallel_then_answer(model);
    }

    @Override
    protected boolean supportsModelNameParameter() {
        return false;
    }

    @Override
    protected boolean supportsTools() {
        return ChatTck.supportsTools();
    }

    @Override
    protected boolean supportsToolChoiceRequired() {
        return supportsTools();
    }

    @Override
    protected boolean supportsToolsAndJsonResponseFormatWithSchema() {
        return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsBase64EncodedString() {
        return false;
    }

    @Override
    protected boolean supportsSingleImageInputAsPublicURL() {
        return false;
    }
}
