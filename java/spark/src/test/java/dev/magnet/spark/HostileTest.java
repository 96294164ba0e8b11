package dev.magnet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.MagnetException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Rows that are no good, partitions that are empty, jobs that are given up, sessions that are closed; the model lives on. */
@Timeout(300)
class HostileTest {
    /** Texts that cannot be used, as SQL, and words of the reason. */
    private static final Map<String, String> POISON = Map.of(
            "cast(null as string)", "the text is null",
            "cast(X'61EDA0BC62' as string)", "UTF-8", // half of a surrogate pair
            "cast(X'FF' as string)", "UTF-8",
            "repeat('x', 100000)", "at most 256");

    private static SparkSession spark;

    @BeforeAll
    static void start() {
        spark = Sessions.local("local[2]").getOrCreate();
    }

    @AfterAll
    static void stop() throws Exception {
        spark.close();
    }

    private static Dataset<Row> around(String poison) {
        return spark.sql("select 'first' as text union all select " + poison + " union all select 'last'");
    }

    private static <T extends MagnetTransformer<T>> T on(T transformer) {
        return transformer.setModelPath(Sessions.TINY.toString()).setInputCol("text").setOutputCol("out");
    }

    private static List<MagnetTransformer<?>> transformers(String handleInvalid) {
        return List.of(
                on(new MagnetEmbedder()).setHandleInvalid(handleInvalid),
                on(new MagnetScorer()).setGivenCol("given").setHandleInvalid(handleInvalid),
                on(new MagnetGenerator()).setMaxTokens(2).setHandleInvalid(handleInvalid));
    }

    private static Dataset<Row> given(Dataset<Row> texts) {
        return texts.selectExpr("text", "'given' as given");
    }

    @Test
    void everyTransformerDoesWithEveryPoisonedRowWhatHandleInvalidSays() {
        POISON.forEach((poison, reason) -> {
            Dataset<Row> texts = given(around(poison));
            for (MagnetTransformer<?> keeping : transformers("keep")) {
                List<Row> rows = keeping.transform(texts).collectAsList();
                assertEquals(3, rows.size(), poison);
                for (Row row : rows) {
                    String text = row.isNullAt(0) ? "" : row.getString(0);
                    boolean good = List.of("first", "last").contains(text);
                    assertEquals(good, row.getAs("out") != null, keeping + " " + poison);
                    assertEquals(good, row.getAs("reason") == null, keeping + " " + poison);
                    assertTrue(good || row.<String>getAs("reason").contains(reason), () -> poison + ": " + row.getAs("reason"));
                }
            }
            for (MagnetTransformer<?> skipping : transformers("skip")) {
                List<Row> rows = skipping.transform(texts).collectAsList();
                assertEquals(List.of("first", "last"), rows.stream().map(row -> row.getString(0)).toList(), skipping + " " + poison);
            }
            for (MagnetTransformer<?> failing : transformers("error")) {
                String failure = everything(assertThrows(Exception.class, () -> failing.transform(texts).collectAsList()));
                assertTrue(failure.contains(reason) && failure.contains("handleInvalid"), () -> failing + " " + poison + ": " + failure);
                assertTrue(failure.length() < 100_000, "the whole text is in the message");
            }
        });
    }

    private static String everything(Throwable thrown) {
        return thrown + (thrown.getCause() == null ? "" : "\n" + everything(thrown.getCause()));
    }

    @Test
    void columnsOfNothingButNullsAndFramesOfNothing() {
        Dataset<Row> nulls = given(spark.sql("select cast(null as string) as text from range(1000)"));
        for (MagnetTransformer<?> keeping : transformers("keep")) {
            assertEquals(1000, keeping.transform(nulls).filter("out is null and reason = 'the text is null'").count());
        }
        Dataset<Row> givenNull = spark.sql("select 'a' as text, cast(null as string) as given");
        assertEquals(0, transformers("skip").get(1).transform(givenNull).count());
        Dataset<Row> empty = given(Sessions.texts(spark, List.of()));
        for (MagnetTransformer<?> transformer : transformers("error")) {
            Dataset<Row> result = transformer.transform(empty);
            assertEquals(0, result.count());
            assertTrue(Arrays.asList(result.columns()).contains("out"));
        }
    }

    @Test
    void emptyPartitionsAreNoTrouble() {
        Dataset<Row> few = given(Sessions.texts(spark, List.of("a", "b", "c")).repartition(16));
        for (MagnetTransformer<?> transformer : transformers("error")) {
            assertEquals(3, transformer.transform(few).filter("out is not null").count());
        }
    }

    @Test
    void aFunctionOfSqlFailsTheQueryAndSaysWhy() {
        MagnetFunctions.register(spark, ModelSettings.of(Sessions.TINY.toString()));
        String failure = everything(
                assertThrows(Exception.class, () -> spark.sql("select magnet_embed(repeat('x', 100000))").collectAsList()));
        assertTrue(failure.contains("at most 256"), failure);
        assertEquals(1, spark.sql("select magnet_embed('a')").count());
    }

    @Test
    void aJobThatIsGivenUpEndsAndTheModelLivesOn() throws Exception {
        Dataset<Row> many = spark.range(10_000_000).selectExpr("concat('number ', id) as text");
        var failed = new CompletableFuture<Throwable>();
        var job = new Thread(() -> {
            spark.sparkContext().setJobGroup("given up", "", true);
            try {
                Sessions.embedder().transform(many).write().format("noop").mode("overwrite").save();
                failed.completeExceptionally(new AssertionError("came to its end"));
            } catch (Throwable e) {
                failed.complete(e);
            }
        });
        job.start();
        while (spark.sparkContext().statusTracker().getActiveJobIds().length == 0) {
            Thread.sleep(10);
        }
        spark.sparkContext().cancelJobGroup("given up");
        assertTrue(everything(failed.get()).toLowerCase().contains("cancel"), () -> everything(failed.join()));
        job.join();
        assertEquals(1, Sessions.embedder().transform(Sessions.texts(spark, List.of("goes on"))).count());
    }

    @Test
    void aClosedSessionIsSaidToBeClosedAndTheNextOneWorks() throws Exception {
        Dataset<Row> texts = Sessions.texts(spark, List.of("a"));
        spark.close();
        try {
            var failure = assertThrows(IllegalStateException.class, () -> Sessions.embedder().transform(texts));
            assertTrue(failure.getMessage().contains("stopped"), failure.getMessage());
        } finally {
            spark = Sessions.local("local[2]").getOrCreate();
        }
        assertEquals(1, Sessions.embedder().transform(Sessions.texts(spark, List.of("a"))).count());
    }

    @Test
    void aModelThatCannotBeReadFailsTheJobWithItsPath() {
        String none = Sessions.TINY.resolveSibling("tools.json").toString();
        Dataset<Row> texts = Sessions.texts(spark, List.of("a"));
        String failure = everything(assertThrows(
                Exception.class, () -> Sessions.embedder().setModelPath(none).transform(texts).collectAsList()));
        assertTrue(failure.contains(none), failure);
    }

    @Test
    void aParameterThatTheModelRefusesFailsTheJobWhateverBecomesOfRows() {
        Dataset<Row> texts = spark.sql("select 'a' as text");
        for (String how : List.of("error", "skip", "keep")) {
            for (MagnetTransformer<?> refused : List.of(
                    on(new MagnetEmbedder()).setDimensions(100_000).setHandleInvalid(how),
                    on(new MagnetEmbedder()).setInstruction("a\uD800").setHandleInvalid(how),
                    on(new MagnetEmbedder()).setInstruction("x ".repeat(1000)).setTruncate(true).setHandleInvalid(how))) {
                Exception failure = assertThrows(Exception.class, () -> refused.transform(texts).collectAsList());
                assertTrue(!causes(failure).contains("handleInvalid"), causes(failure));
            }
        }
        assertThrows(IllegalArgumentException.class, () -> new MagnetGenerator().setSeed(-1));
        assertThrows(IllegalArgumentException.class, () -> new MagnetGenerator().setSeed(1L << 40));
        assertThrows(IllegalArgumentException.class, () -> new MagnetEmbedder().setThreads(1000));
        assertThrows(NullPointerException.class, () -> new MagnetEmbedder().setInstruction(null));
    }

    private static String causes(Throwable failure) {
        var text = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            text.append(cause.getMessage()).append('\n');
        }
        return text.toString();
    }

    @Test
    void columnsAreToldApartAsSparkIsSetTo() {
        Dataset<Row> texts = spark.sql("select 'a' as text");
        assertEquals(1, on(new MagnetEmbedder()).setInputCol("TEXT").transform(texts).select("out").count());
        for (String taken : List.of("Text", "")) {
            assertThrows(IllegalArgumentException.class, () -> on(new MagnetEmbedder()).setOutputCol(taken).transform(texts));
        }
        spark.conf().set("spark.sql.caseSensitive", true);
        try {
            assertThrows(IllegalArgumentException.class, () -> on(new MagnetEmbedder()).setInputCol("TEXT").transform(texts));
            assertEquals(1, on(new MagnetEmbedder()).setOutputCol("Text").transform(texts).select("Text").count());
        } finally {
            spark.conf().unset("spark.sql.caseSensitive");
        }
    }

    @Test
    void aContinuationDependsOnItsRowAlone() {
        Dataset<Row> prompts = spark.range(40).selectExpr("concat('the bank ', id % 7, ' and ', id) as text");
        MagnetGenerator generator = on(new MagnetGenerator()).setMaxTokens(12).setTemperature(1).setSeed(7);
        List<String> once = continuations(generator, prompts);
        assertEquals(once, continuations(generator, prompts));
        assertEquals(once, continuations(generator, prompts.repartition(5)));
        assertEquals(once, continuations(generator.setBatchSize(1), prompts.coalesce(1)));
    }

    private static List<String> continuations(MagnetGenerator generator, Dataset<Row> prompts) {
        return generator.transform(prompts).orderBy("text").collectAsList().stream().map(row -> row.<String>getAs("out")).toList();
    }

    @Test
    void aModelIsAFileHereOnTheDriver() {
        Dataset<Row> texts = spark.sql("select 'a' as text");
        for (String none : List.of("", "/tmp", "/nowhere.gguf")) {
            assertThrows(MagnetException.class, () -> on(new MagnetEmbedder()).setModelPath(none).transform(texts));
        }
        assertEquals(1, on(new MagnetEmbedder()).setModelPath(Sessions.TINY.toUri().toString()).transform(texts).count());
    }

    @Test
    void functionsTakeWhatSqlGivesThem() {
        MagnetFunctions.register(spark, ModelSettings.of(Sessions.TINY.toString()));
        assertEquals(
                spark.sql("select magnet_generate('a', 3)").first().getString(0),
                spark.sql("select magnet_generate('a', 3L)").first().getString(0));
        for (String refused : List.of("magnet_generate('a', -1)", "magnet_generate('a', 2.5)", "magnet_embed(1)")) {
            assertThrows(Exception.class, () -> spark.sql("select " + refused).collectAsList(), refused);
        }
    }
}
