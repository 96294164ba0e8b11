package dev.magnet.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.magnet.Answer;
import dev.magnet.AnswerText;
import dev.magnet.Generation;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Generates an answer and hands it to a handler, on the thread that runs it. Nothing is told after it was cancelled. */
final class Delivery implements Runnable, StreamingHandle {
    private static final Logger LOG = LoggerFactory.getLogger(Delivery.class);

    private final ChatCall call;
    private final StreamingChatResponseHandler handler;
    private final AnswerText text = new AnswerText();
    private volatile @Nullable Generation<Answer> generation;
    private volatile boolean cancelled;

    Delivery(ChatCall call, StreamingChatResponseHandler handler) {
        this.call = call;
        this.handler = handler;
    }

    @Override
    public void run() {
        Answer answer;
        ChatResponse response;
        try {
            Generation<Answer> started = call.generation();
            generation = started;
            answer = started.forEach(token -> partial(call.mayCallTools() ? text.next(token.text()) : token.text()));
            response = call.response(answer);
        } catch (Throwable e) {
            if (!cancelled) {
                tell(() -> handler.onError(e instanceof Error ? e : Failures.of(e)));
            }
            return;
        }
        if (cancelled) {
            return;
        }
        if (call.mayCallTools()) {
            partial(text.rest(answer));
        }
        List<ToolExecutionRequest> calls = response.aiMessage().toolExecutionRequests();
        for (int i = 0; i < calls.size(); i++) {
            var complete = new CompleteToolCall(i, calls.get(i));
            tell(() -> handler.onCompleteToolCall(complete));
        }
        tell(() -> handler.onCompleteResponse(response));
    }

    private void partial(String text) {
        if (!cancelled && !text.isEmpty()) {
            tell(() -> handler.onPartialResponse(new PartialResponse(text), new PartialResponseContext(this)));
        }
    }

    /** What the application's code throws is told to itself, and never ends an answer. */
    private void tell(Runnable callback) {
        try {
            callback.run();
        } catch (Exception e) {
            try {
                handler.onError(e);
            } catch (Exception ignored) {
                LOG.warn("onError() of a StreamingChatResponseHandler has thrown; this is ignored", ignored);
            }
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
        Generation<Answer> running = generation;
        if (running != null) {
            running.cancel();
        }
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }
}
