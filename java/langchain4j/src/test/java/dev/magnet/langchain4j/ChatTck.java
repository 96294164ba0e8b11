package dev.magnet.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.magnet.Magnet;
import org.opentest4j.TestAbortedException;

/** What the two chat models have in common in LangChain4j's tests. README.md has the table of what is left out, and why. */
final class ChatTck {
    private ChatTck() {}

    /** Always the likeliest token: the same answers in every run. */
    static <B extends ChatBuilder<B>> B greedy(B builder) {
        return builder.modelPath(TestModels.chat()).temperature(0.0);
    }

    static boolean supportsTools() {
        try (var magnet = Magnet.load(TestModels.chat())) {
            return Tools.areKnownTo(magnet);
        }
    }

    static ChatRequestParameters ownParameters(int maxOutputTokens) {
        return MagnetChatRequestParameters.builder().maxOutputTokens(maxOutputTokens).build();
    }

    /** Qwen2.5-Coder-0.5B-Instruct calls one tool at a time. */
    static void needsParallelCalls() {
        if (TestModels.chat().getFileName().toString().contains("0.5b")) {
            throw new TestAbortedException("a model of this size calls one tool at a time");
        }
    }

    /** The default model has 135 million parameters. */
    static void needsALargerModel(String what) {
        if (!TestModels.chatIsNamed()) {
            throw new TestAbortedException("the default model does not " + what + "; name another with -Dmagnet.chat.model");
        }
    }
}
