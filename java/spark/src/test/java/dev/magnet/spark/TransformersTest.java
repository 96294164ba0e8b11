package dev.magnet.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.Truncation;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Transformers and functions on {@code local[2]}, beside calls of a Magnet of the test's own. */
class TransformersTest {
    private static final List<String> TEXTS =
            IntStream.range(0, 200).mapToObj(i -> "sentence " + "and so on ".repeat(i % 7) + i).toList();

    private static SparkSession spark;
    private static Magnet magnet;

    @BeforeAll
    static void start() {
        spark = Sessions.local("local[2]").getOrCreate();
        magnet = Magnet.load(Sessions.TINY);
    }

    @AfterAll
    static void stop() throws Exception {
        magnet.close();
        spark.close();
    }

    private static float[] vector(Row row, String column) {
        List<Float> numbers = row.getList(row.fieldIndex(column));
        float[] vector = new float[numbers.size()];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = numbers.get(i);
        }
        return vector;
    }

    /** Rows with a null, bytes that are no UTF-8, and a text that is too long. */
    private static Dataset<Row> poisoned() {
        Dataset<Row> texts = Sessions.texts(spark, Arrays.asList("first", null, "x".repeat(100_000), "last"));
        return texts.union(spark.sql("select cast(X'61ff62' as string)")).repartition(1);
    }

    @Test
    void vectorsAreThoseOfMagnetWhateverTheBatch() {
        Dataset<Row> texts = Sessions.texts(spark, TEXTS).repartition(3);
        for (int batchSize : new int[] {1, 7, 512}) {
            List<Row> rows = Sessions.embedder().setBatchSize(batchSize).transform(texts).collectAsList();
            Set<String> seen = new HashSet<>();
            for (Row row : rows) {
                seen.add(row.getString(0));
                assertArrayEquals(magnet.embed(row.getString(0)), vector(row, "vector"));
            }
            assertEquals(TEXTS.size(), rows.size());
            assertEquals(Set.copyOf(TEXTS), seen);
        }
    }

    @Test
    void parametersReachTheModel() {
        Row row = Sessions.embedder().setInstruction("Query: ").setDimensions(8).setTruncate(true)
                .transform(Sessions.texts(spark, List.of("y".repeat(5000)))).first();
        EmbedOptions options = EmbedOptions.defaults()
                .withInstruction("Query: ").withDimensions(8).withTruncate(Truncation.HEAD);
        assertArrayEquals(magnet.embed("y".repeat(5000), options), vector(row, "vector"));
    }

    @Test
    void scoresAndContinuationsAreThoseOfMagnet() {
        Dataset<Row> pairs = Sessions.texts(spark, List.of("Tom lost his", "A cat")).selectExpr("text as given", "' keys' as text");
        var scorer = new MagnetScorer().setModelPath(Sessions.TINY.toString())
                .setGivenCol("given").setInputCol("text").setOutputCol("score");
        for (Row row : scorer.transform(pairs).collectAsList()) {
            assertEquals(magnet.score(row.getString(0), row.getString(1)).getFirst().logprob(), row.getDouble(2), 1e-6);
        }
        var generator = new MagnetGenerator().setModelPath(Sessions.TINY.toString())
                .setMaxTokens(5).setTemperature(1).setSeed(3).setInputCol("given").setOutputCol("more");
        var options = GenerateOptions.defaults().withMaxTokens(5).withTemperature(1).withSeed(3);
        for (Row row : generator.transform(pairs).collectAsList()) {
            assertEquals(magnet.generate(row.getString(0), options).text(), row.getString(2));
        }
    }

    @Test
    void handleInvalidKeepsSkipsOrFails() {
        Dataset<Row> kept = Sessions.embedder().setHandleInvalid("keep").setReasonCol("why").transform(poisoned());
        List<Row> rows = kept.collectAsList();
        assertEquals(5, rows.size());
        for (Row row : rows) {
            boolean good = row.getAs("why") == null;
            assertEquals(good, Set.of("first", "last").contains(row.isNullAt(0) ? "" : row.getString(0)));
            assertEquals(good, row.getAs("vector") != null);
        }
        String reasons = kept.filter("why is not null").select("why").as(Encoders.STRING()).collectAsList().toString();
        for (String words : List.of("null", "UTF-8", "TOO_LONG: the text has", "at most 256")) {
            assertTrue(reasons.contains(words), reasons);
        }
        List<Row> left = Sessions.embedder().setHandleInvalid("skip").transform(poisoned()).collectAsList();
        assertEquals(List.of("first", "last"), left.stream().map(row -> row.getString(0)).toList());
        var failed = assertThrows(Exception.class, () -> Sessions.embedder().transform(poisoned()).collectAsList());
        assertTrue(failed.toString().contains("the text is null") && failed.toString().contains("handleInvalid"), failed::toString);
        assertEquals(1, Sessions.embedder().transform(Sessions.texts(spark, List.of("goes on"))).count());
    }

    @Test
    void whatIsWrongFailsOnTheDriver(@TempDir Path folder) {
        Dataset<Row> texts = Sessions.texts(spark, TEXTS);
        String missing = folder.resolve("no-such.gguf").toString();
        var absent = assertThrows(MagnetException.class, () -> Sessions.embedder().setModelPath(missing).transform(texts));
        assertEquals(Status.IO, absent.status());
        assertTrue(absent.getMessage().contains(missing), absent.getMessage());
        assertTrue(assertThrows(MagnetException.class, () -> Sessions.embedder().setAdapterPath(missing).transform(texts))
                .getMessage().contains(missing));
        assertThrows(MagnetException.class, () -> MagnetFunctions.register(spark, ModelSettings.of(missing)));
        assertRefused("inputCol", () -> Sessions.embedder().setInputCol("nowhere").transform(texts));
        assertRefused("outputCol", () -> Sessions.embedder().setOutputCol("text").transform(texts));
        assertRefused("bigint", () -> Sessions.embedder().transform(spark.range(3).toDF("text")));
        assertRefused("givenCol", () -> new MagnetScorer().setInputCol("text").setOutputCol("s").transform(texts));
        assertRefused("batchSize", () -> Sessions.embedder().setBatchSize(0));
        assertRefused("handleInvalid", () -> Sessions.embedder().setHandleInvalid("perhaps"));
    }

    private static void assertRefused(String word, Runnable call) {
        String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
        assertTrue(message.contains(word), message);
    }

    @Test
    void aPipelineIsSavedAndLoaded(@TempDir Path folder) throws Exception {
        Dataset<Row> texts = Sessions.texts(spark, TEXTS.subList(0, 5));
        var pipeline = new Pipeline().setStages(new PipelineStage[] {Sessions.embedder().setDimensions(4)}).fit(texts);
        pipeline.save(folder.resolve("pipeline").toString());
        var loaded = PipelineModel.load(folder.resolve("pipeline").toString());
        assertEquals(pipeline.transform(texts).collectAsList(), loaded.transform(texts).collectAsList());
        Sessions.embedder().save(folder.resolve("embedder").toString());
        MagnetEmbedder copy = MagnetEmbedder.load(folder.resolve("embedder").toString()).copy(ParamMap.empty());
        assertEquals("vector", copy.getOrDefault(copy.outputCol()));
    }

    @Test
    void functionsOfSqlAreThoseOfMagnet() {
        MagnetFunctions.register(spark, ModelSettings.of(Sessions.TINY.toString()));
        Row row = spark.sql("select magnet_embed('a text') v, magnet_score('Tom lost his', ' keys') s,"
                + " magnet_generate('Tom', 4) g, magnet_embed(null) n").first();
        assertArrayEquals(magnet.embed("a text"), vector(row, "v"));
        assertEquals(magnet.score("Tom lost his", " keys").getFirst().logprob(), row.getDouble(1), 1e-6);
        assertEquals(magnet.generate("Tom", GenerateOptions.defaults().withMaxTokens(4).withTemperature(0)).text(), row.getString(2));
        assertNull(row.get(3));
    }

    @Test
    void tasksShareOneModelAndFilesAreDistributed() {
        spark.sparkContext().addFile(Sessions.TINY.toString());
        var model = ModelSettings.of(Sessions.TINY.getFileName().toString());
        var counts = Sessions.texts(spark, TEXTS).as(Encoders.STRING()).repartition(4).mapPartitions(
                MagnetTasks.<String, Integer>mapPartitions(model, (shared, texts) -> {
                    texts.next();
                    return List.of(System.identityHashCode(shared)).iterator();
                }), Encoders.INT());
        assertEquals(1, counts.distinct().count());
        assertSame(MagnetTasks.model(model), MagnetTasks.model(ModelSettings.of(Sessions.TINY.getFileName().toString())));
    }
}
