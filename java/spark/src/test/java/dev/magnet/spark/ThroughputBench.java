package dev.magnet.spark;

import dev.magnet.DefaultModel;
import dev.magnet.Magnet;
import dev.magnet.Throughput;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/** 10,000 rows through Spark, on {@code local[2]}, and through the same Magnet alone. No test: {@code -Dtest=ThroughputBench}. */
class ThroughputBench {
    @Test
    void besideMagnetAlone() throws Exception {
        List<String> texts = Throughput.sentences();
        var model = new ModelSettings(DefaultModel.path().toString(), DefaultModel.adapter().toString(), 0);
        Magnet magnet = MagnetTasks.model(model);
        try (SparkSession spark = Sessions.local("local[2]").getOrCreate()) {
            var embedder = new MagnetEmbedder().setModelPath(model.modelPath()).setAdapterPath(model.adapterPath())
                    .setInputCol("text").setOutputCol("vector");
            Throughput.compare("Spark local[2]", texts, magnet::embed,
                    some -> embedder.transform(Sessions.texts(spark, some).repartition(2))
                            .write().format("noop").mode("overwrite").save());
        }
    }
}
