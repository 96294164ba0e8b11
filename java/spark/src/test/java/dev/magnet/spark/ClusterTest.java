package dev.magnet.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.Magnet;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Executors in JVMs of their own, one of which dies in the middle. Its processes find Spark in target/spark. {@code -Dsentences=N}: fewer. */
@Tag("long")
class ClusterTest {
    private static final int SENTENCES = Integer.getInteger("sentences", 200_000);
    private static final int PARTITIONS = 40;

    /** Jars that the processes of the cluster start with: Spark, and what the class path of this test has besides. */
    private static void makeSparkHome() throws Exception {
        Path jars = Path.of(System.getenv("SPARK_HOME"), "jars");
        Files.createDirectories(jars);
        for (String entry : classPath().split(File.pathSeparator)) {
            Path jar = Path.of(entry);
            Path link = jars.resolve(jar.getFileName());
            if (Files.isRegularFile(jar) && !Files.exists(link)) {
                Files.createSymbolicLink(link, jar.toAbsolutePath());
            }
        }
    }

    private static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    private static SparkSession cluster() {
        return Sessions.local("local-cluster[2,1,2048]")
                .config("spark.executor.memory", "1g")
                .config("spark.executor.extraClassPath", classPath())
                .config("spark.executor.extraJavaOptions", "-Dmagnet.library=" + System.getProperty("magnet.library"))
                .getOrCreate();
    }

    /** The sentence of a row, made by the executors. */
    private static Dataset<Row> sentences(SparkSession spark) {
        return spark.range(0, SENTENCES, 1, PARTITIONS)
                .select(functions.col("id"), functions.concat(functions.lit("number "), functions.col("id")).as("text"));
    }

    /** The rows; the first task that comes to the one in the middle ends its JVM. */
    private static Dataset<Row> withAnExecutorThatDies(Dataset<Row> rows, Path once) {
        String mark = once.toString();
        long last = SENTENCES / 2 + 77; // executors do not know the property
        MapFunction<Row, Row> deadly = row -> {
            if (row.getLong(0) == last && new File(mark).createNewFile()) {
                Runtime.getRuntime().halt(1);
            }
            return row;
        };
        return rows.map(deadly, Encoders.row(rows.schema()));
    }

    @Test
    void aJobOutlivesAnExecutorAndNothingIsLostOrDouble(@TempDir Path folder) throws Exception {
        makeSparkHome();
        try (SparkSession spark = cluster(); Magnet magnet = Magnet.load(Sessions.TINY)) {
            Path mark = folder.resolve("died");
            Path out = folder.resolve("vectors");
            Sessions.embedder().transform(withAnExecutorThatDies(sentences(spark), mark)).write().parquet(out.toString());
            assertTrue(Files.exists(mark), "no executor died");
            Dataset<Row> written = spark.read().parquet(out.toString());
            assertEquals(SENTENCES, written.count());
            assertEquals(SENTENCES, written.select("id").distinct().count());
            assertEquals(0, written.filter("size(vector) <> " + Sessions.TINY_DIMENSIONS).count());
            for (long id : List.of(0L, (long) SENTENCES / 2 + 77, SENTENCES - 1L)) {
                List<Float> vector = written.filter("id = " + id).first().getList(2);
                float[] expected = magnet.embed("number " + id);
                assertArrayEquals(expected, floats(vector));
            }
        }
    }

    private static float[] floats(List<Float> numbers) {
        float[] array = new float[numbers.size()];
        IntStream.range(0, array.length).forEach(i -> array[i] = numbers.get(i));
        return array;
    }
}
