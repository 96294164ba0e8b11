package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.concurrent.CompletableFuture;

/** Waits for a failure. */
record Handler(CompletableFuture<Throwable> failure) implements StreamingChatResponseHandler {
    @Override
    public void onPartialResponse(String text) {}

    @Override
    public void onCompleteResponse(ChatResponse response) {
        failure.completeExceptionally(new AssertionError("succeeded: " + response));
    }

    @Override
    public void onError(Throwable thrown) {
        failure.complete(thrown);
    }
}
