package dev.magnet.spring;

import dev.magnet.Magnet;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.ai.chat.observation.ChatModelObservationConvention;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationConvention;
import org.springframework.ai.model.SpringAIModelProperties;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Lazy;

/**
 * One {@link Magnet}, and the models of Spring AI on it. {@code spring.ai.model.embedding} and {@code spring.ai.model.chat}
 * switch these off where they name another provider.
 */
@AutoConfiguration
@EnableConfigurationProperties(MagnetProperties.class)
public class MagnetAutoConfiguration {
    /** What MAGNET is called among Spring AI's providers. */
    public static final String PROVIDER = "magnet";

    /** For Spring. */
    public MagnetAutoConfiguration() {}

    /** The model, loaded when it is first wanted; running calls end before it is closed. */
    @Lazy
    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    public Magnet magnet(MagnetProperties properties, MagnetReference reference) {
        return reference.loaded(new Loading(properties).load());
    }

    /** The way to it: of this module's beans, or an application's own. */
    @Bean
    @ConditionalOnMissingBean
    public MagnetReference magnetReference(ObjectProvider<Magnet> magnet, MagnetProperties properties) {
        return new MagnetReference(() -> checked(magnet.getObject(), properties), properties.model());
    }

    /** Loads the model when the application starts, so that what is wrong is said then; if it is wanted at all. */
    @Bean
    @ConditionalOnProperty(name = "magnet.lazy", havingValue = "false", matchIfMissing = true)
    SmartInitializingSingleton magnetLoader(
            MagnetReference magnet, ObjectProvider<MagnetEmbeddingModel> embedding, ObjectProvider<MagnetChatModel> chat) {
        return () -> {
            if (embedding.stream().findAny().isPresent() || chat.stream().findAny().isPresent()) {
                magnet.get();
            }
        };
    }

    /** What of the properties the model alone can judge. */
    private static Magnet checked(Magnet magnet, MagnetProperties properties) {
        Integer dimensions = properties.embedding().dimensions();
        int most = magnet.info().dimensions();
        if (dimensions != null && dimensions > most) {
            throw new InvalidConfigurationPropertyValueException(
                    "magnet.embedding.dimensions", dimensions, "The model has vectors of " + most + " numbers.");
        }
        return magnet;
    }

    /** Embedding. */
    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnProperty(name = SpringAIModelProperties.EMBEDDING_MODEL, havingValue = PROVIDER, matchIfMissing = true)
    public MagnetEmbeddingModel magnetEmbeddingModel(
            MagnetReference magnet,
            MagnetProperties properties,
            ObjectProvider<ObservationRegistry> registry,
            ObjectProvider<EmbeddingModelObservationConvention> convention) {
        return new MagnetEmbeddingModel(
                magnet,
                properties,
                registry.getIfUnique(() -> ObservationRegistry.NOOP),
                convention.getIfAvailable());
    }

    /** Chat. */
    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnProperty(name = SpringAIModelProperties.CHAT_MODEL, havingValue = PROVIDER, matchIfMissing = true)
    public MagnetChatModel magnetChatModel(
            MagnetReference magnet,
            MagnetProperties properties,
            ObjectProvider<ObservationRegistry> registry,
            ObjectProvider<ChatModelObservationConvention> convention) {
        return new MagnetChatModel(
                magnet,
                properties,
                registry.getIfUnique(() -> ObservationRegistry.NOOP),
                convention.getIfAvailable());
    }
}
