package dev.magnet.spark;

import dev.magnet.Magnet;
import java.io.Serializable;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.api.java.function.MapPartitionsFunction;

/**
 * One model an executor JVM, for tasks of one's own.
 *
 * <pre>{@code
 * var model = ModelSettings.of("smollm2-135m-instruct");
 * texts.mapPartitions(MagnetTasks.mapPartitions(model, (magnet, rows) -> ...), Encoders.STRING());
 * }</pre>
 */
public final class MagnetTasks {
    private static final Map<ModelSettings, Magnet> LOADED = new ConcurrentHashMap<>();

    /** What a task does with a model that it shares with others and must not close. */
    @FunctionalInterface
    public interface Work<T, R> extends Serializable {
        /** The results of a partition, best made as they are asked for. */
        Iterator<R> apply(Magnet magnet, Iterator<T> partition) throws Exception;
    }

    /** For {@code Dataset.mapPartitions} and for {@code JavaRDD.mapPartitions}. */
    public interface PartitionFunction<T, R> extends MapPartitionsFunction<T, R>, FlatMapFunction<Iterator<T>, R> {
        @Override
        Iterator<R> call(Iterator<T> partition) throws Exception;
    }

    private MagnetTasks() {}

    /** {@code work} with the model of the JVM that it runs in. Looks for the model first, so that a driver fails early. */
    public static <T, R> PartitionFunction<T, R> mapPartitions(ModelSettings model, Work<T, R> work) {
        model.check();
        Objects.requireNonNull(work, "work");
        return partition -> work.apply(model(model), partition);
    }

    /** The model of this JVM, loaded by whoever asks first. It lives as long as the JVM. */
    public static Magnet model(ModelSettings model) {
        return LOADED.computeIfAbsent(model, ModelSettings::load);
    }
}
