package dev.magnet.spring;

import dev.magnet.Magnet;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** Whether the model is loaded and answers, where the application has Spring Boot's health. */
@AutoConfiguration(after = MagnetAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
public class MagnetHealthAutoConfiguration {
    /** For Spring. */
    public MagnetHealthAutoConfiguration() {}

    /** Up with the model's name and size, down if it cannot be asked, or could not be loaded; a model that is not wanted yet is not loaded. */
    @Bean
    @ConditionalOnMissingBean(name = "magnetHealthIndicator")
    @ConditionalOnEnabledHealthIndicator("magnet")
    public HealthIndicator magnetHealthIndicator(ConfigurableListableBeanFactory beans, MagnetReference magnet) {
        return () -> {
            Health.Builder health = Health.up().withDetail("model", magnet.name());
            String[] names = beans.getBeanNamesForType(Magnet.class, true, false);
            if (names.length == 0 || beans.getSingleton(names[0]) == null) {
                RuntimeException failure = magnet.failure();
                return (failure == null ? health : health.down(failure)).withDetail("loaded", false).build();
            }
            try {
                var info = ((Magnet) beans.getBean(names[0])).info();
                return health.withDetail("loaded", true)
                        .withDetail("parameters", info.parameters())
                        .withDetail("dimensions", info.dimensions())
                        .build();
            } catch (RuntimeException e) {
                return health.down(e).build();
            }
        };
    }
}
