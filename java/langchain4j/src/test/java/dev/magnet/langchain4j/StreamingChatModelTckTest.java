package dev.magnet.langchain4j;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.argThat;
import static org.mockito.Mockito.atLeast;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.mockito.InOrder;

/** LangChain4j's own tests of streaming chat models. */
class StreamingChatModelTckTest extends AbstractStreamingChatModelIT {
    /** Keeps the model in memory. */
    private final MagnetStreamingChatModel kept = ChatTck.greedy(MagnetStreamingChatModel.builder()).build();

    @AfterAll
    void close() {
        kept.close();
    }

    @Override
    protected List<StreamingChatModel> models() {
        return List.of(ChatTck.greedy(MagnetStreamingChatModel.builder()).build()); // JUnit closes its arguments
    }

    @Override
    protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
        return ChatTck.greedy(MagnetStreamingChatModel.builder()).defaultRequestParameters(parameters).build();
    }

    @Override
    public StreamingChatModel createModelWith(ChatModelListener listener) {
        return ChatTck.greedy(MagnetStreamingChatModel.builder()).listeners(List.of(listener)).build();
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
        return ChatTck.ownParameters(maxOutputTokens);
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder order, String id) {
        order.verify(handler, atLeast(0)).onPartialResponse(any(), any());
        order.verify(handler).onCompleteToolCall(argThat(call -> call.toolExecutionRequest().id().equals(id)));
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder order, String id1, String id2) {
        verifyToolCallbacks(handler, order, id1);
        order.verify(handler).onCompleteToolCall(argThat(call -> call.toolExecutionRequest().id().equals(id2)));
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_respect_system_message(StreamingChatModel model) {
        ChatTck.needsALargerModel("translate into German");
        super.should_respect_system_message(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    protected void should_respect_multiple_messages(StreamingChatModel model) {
        ChatTck.needsALargerModel("remember what was said three turns before");
        super.should_respect_multiple_messages(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("models")
    @EnabledIf("supportsTools")
    protected void should_execute_multiple_tools_in_parallel_then_answer(StreamingChatModel model) {
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
    protected boolean supportsPartialToolStreaming(StreamingChatModel model) {
        return false;
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
