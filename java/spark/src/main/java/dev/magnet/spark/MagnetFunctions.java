package dev.magnet.spark;

import dev.magnet.GenerateOptions;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;

/**
 * Functions for SQL: {@code magnet_embed(text)}, {@code magnet_score(given, text)}, {@code magnet_generate(prompt, max_tokens)}.
 * They take a row at a time, which {@link MagnetEmbedder} and its like do several times faster in batches. Null gives null;
 * a text that cannot be used fails the query.
 */
public final class MagnetFunctions {
    private MagnetFunctions() {}

    /** Registers them in a session, after a look for the model. */
    public static void register(SparkSession spark, ModelSettings model) {
        model.check();
        spark.udf().register("magnet_embed",
                (UDF1<String, Object>) text -> text == null ? null : MagnetTasks.model(model).embed(text),
                DataTypes.createArrayType(DataTypes.FloatType, false));
        spark.udf().register("magnet_score",
                (UDF2<String, String, Double>) (given, text) -> given == null || text == null ? null
                        : MagnetTasks.model(model).score(given, text).getFirst().logprob(),
                DataTypes.DoubleType);
        spark.udf().register("magnet_generate",
                (UDF2<String, Integer, String>) (prompt, maxTokens) -> prompt == null || maxTokens == null ? null
                        : MagnetTasks.model(model).generate(prompt, greedy(maxTokens)).text(),
                DataTypes.StringType);
    }

    private static GenerateOptions greedy(int maxTokens) {
        return GenerateOptions.defaults().withMaxTokens(maxTokens).withTemperature(0);
    }
}
