package dev.magnet.spring;

import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;

/** Vectors and answers over HTTP: {@code curl 'localhost:8080/embed?text=Hello'}. */
@SpringBootApplication
@RestController
public class SampleApplication {
    private final EmbeddingModel embedding;
    private final ChatModel chat;

    SampleApplication(EmbeddingModel embedding, ChatModel chat) {
        this.embedding = embedding;
        this.chat = chat;
    }

    public static void main(String[] args) {
        SpringApplication.run(SampleApplication.class, args);
    }

    @GetMapping("/embed")
    float[] embed(@RequestParam String text) {
        return embedding.embed(text);
    }

    @GetMapping("/chat")
    String chat(@RequestParam String text) {
        return chat.call(text);
    }

    @GetMapping("/stream")
    Flux<String> stream(@RequestParam String text) {
        return chat.stream(text);
    }
}
