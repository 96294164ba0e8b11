package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.magnet.Token;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An answer that is cut off, by whatever way it is delivered, does not look like a complete one. */
@Timeout(120)
class EndsOfAnswersTest {
    private static final ChatRequest LONG =
            ChatRequest.builder().messages(UserMessage.from("Tell a very long story, of a hundred chapters.")).build();

    private static MagnetStreamingChatModel.MagnetStreamingChatModelBuilder streaming() {
        return MagnetStreamingChatModel.builder().modelPath(TestModels.chat()).maxOutputTokens(2000);
    }

    /** Loaded as no other test loads it, and so not shared: closing it ends it. */
    private static MagnetStreamingChatModel alone() {
        return streaming().ctx(4095).build();
    }

    /** How it ended: null = as if complete. */
    private static CompletableFuture<Throwable> end(Flow.Publisher<Token> tokens, Runnable atFirst) {
        var end = new CompletableFuture<Throwable>();
        tokens.subscribe(new Flow.Subscriber<>() {
            private boolean begun;

            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                subscription.request(Long.MAX_VALUE);
            }

            @Override
            public void onNext(Token token) {
                if (!begun) {
                    begun = true;
                    atFirst.run();
                }
            }

            @Override
            public void onError(Throwable thrown) {
                end.complete(thrown);
            }

            @Override
            public void onComplete() {
                end.complete(null);
            }
        });
        return end;
    }

    @Test
    void aPublisherEndsWithTheTimeout() {
        try (var model = streaming().timeout(Duration.ofMillis(300)).build()) {
            assertThat(end(model.publisher(LONG), () -> {}).join()).isInstanceOf(TimeoutException.class);
        }
    }

    @Test
    void aPublisherEndsWithItsModel() {
        var model = alone();
        Runnable close = () -> Thread.ofPlatform().start(model::close);
        assertThat(end(model.publisher(LONG), close).join()).isInstanceOf(LangChain4jException.class).hasMessageContaining("closed");
    }

    @Test
    void aPublisherTellsOfFailuresInTheseWords() {
        try (var model = streaming().temperature(Double.NaN).build()) {
            assertThat(end(model.publisher(LONG), () -> {}).join()).isInstanceOf(InvalidRequestException.class);
        }
    }

    @Test
    void aHandlerMayCloseTheModel() {
        var model = alone();
        var end = new CompletableFuture<Throwable>();
        model.chat(LONG, new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String text) {
                model.close();
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                end.complete(null);
            }

            @Override
            public void onError(Throwable thrown) {
                end.complete(thrown);
            }
        });
        assertThat(end.join()).isInstanceOf(LangChain4jException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> model.chat(LONG, null)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anAnswerMayBeAwaitedElsewhereOrGivenUp() throws Exception {
        try (var model = MagnetChatModel.builder().modelPath(TestModels.chat()).reusePrefix(false).build()) {
            ChatRequest request =
                    ChatRequest.builder().messages(UserMessage.from("Say yes.")).maxOutputTokens(5).temperature(0.0).build();
            assertThat(model.doChatAsync(request).get(60, TimeUnit.SECONDS).aiMessage()).isEqualTo(model.doChat(request).aiMessage());
            assertThat(model.doChatAsync(LONG).cancel(true)).isTrue();
            assertThat(model.doChat(request).aiMessage()).isNotNull();
            ChatRequest forced = request.toBuilder().toolChoice(ToolChoice.REQUIRED).build();
            assertThatThrownBy(() -> model.doChat(forced)).isInstanceOf(InvalidRequestException.class).hasMessageContaining("no tools");
            assertThat(model.doChatAsync(forced)).isCompletedExceptionally();
            assertThatThrownBy(() -> model.chat((ChatMessage) null)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> MagnetChatModel.builder().stop(Arrays.asList("a", null)))
                    .isInstanceOf(IllegalArgumentException.class).hasMessage("stop string 1 cannot be null");
        }
    }
}
