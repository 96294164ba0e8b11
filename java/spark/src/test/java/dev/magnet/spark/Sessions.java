package dev.magnet.spark;

import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Spark, and the random-weights model of the native tests, which reads any text. */
final class Sessions {
    static final Path TINY = Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", "tiny-llama.gguf")
            .toAbsolutePath()
            .normalize();
    static final int TINY_DIMENSIONS = 32;

    private Sessions() {}

    static SparkSession.Builder local(String master) {
        return (SparkSession.Builder) SparkSession.builder()
                .master(master)
                .config("spark.ui.enabled", false)
                .config("spark.sql.shuffle.partitions", 4)
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1");
    }

    static Dataset<Row> texts(SparkSession spark, List<String> texts) {
        return spark.createDataset(texts, Encoders.STRING()).toDF("text");
    }

    static MagnetEmbedder embedder() {
        return new MagnetEmbedder().setModelPath(TINY.toString()).setInputCol("text").setOutputCol("vector");
    }
}
