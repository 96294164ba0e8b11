package dev.magnet.spark;

import dev.magnet.GenerateOptions;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;

/**
 * Functions for SQL: {@code magnet_embed(text)}, {@code magnet_score(given, text)}, {@code magnet_generate(prompt, max_tokens)}.
 * They take a row at a time, which {@link MagnetEmbedder} and its like do several times faster in batches. Null gives null;
 * a text that is too long, or no string, fails the query. Bytes that are no UTF-8 reach them as U+FFFD, which the transformers see.
 */
public final class MagnetFunctions {
    private MagnetFunctions() {}

    /** Registers them in a session, after a look for the model. */
    public static void register(SparkSession spark, ModelSettings model) {
        model.check();
        spark.udf().register("magnet_embed",
                (UDF1<Object, Object>) text -> text == null ? null : MagnetTasks.model(model).embed(string("text", text)),
                DataTypes.createArrayType(DataTypes.FloatType, false));
        spark.udf().register("magnet_score",
                (UDF2<Object, Object, Double>) (given, text) -> given == null || text == null ? null
                        : MagnetTasks.model(model).score(string("given", given), string("text", text)).getFirst().logprob(),
                DataTypes.DoubleType);
        spark.udf().register("magnet_generate",
                (UDF2<Object, Object, String>) (prompt, maxTokens) -> prompt == null || maxTokens == null ? null
                        : MagnetTasks.model(model).generate(string("prompt", prompt), greedy(maxTokens)).text(),
                DataTypes.StringType);
    }

    private static String string(String name, Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException(name + " is no string: " + value);
    }

    private static GenerateOptions greedy(Object value) {
        int maxTokens = value instanceof Number number && number.intValue() == number.doubleValue() ? number.intValue() : 0;
        if (maxTokens <= 0) {
            throw new IllegalArgumentException("max_tokens is " + value + "; a whole number above 0 is needed");
        }
        return GenerateOptions.defaults().withMaxTokens(maxTokens).withTemperature(0);
    }
}
