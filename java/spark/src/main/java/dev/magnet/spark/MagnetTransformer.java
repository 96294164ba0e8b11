package dev.magnet.spark;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/**
 * What the transformers have in common: which model, and what becomes of rows whose text cannot be used. Executors load the
 * model once a JVM; the driver looks for its file before a job begins.
 *
 * @param <T> the transformer
 */
public abstract class MagnetTransformer<T extends MagnetTransformer<T>> extends Transformer implements DefaultParamsWritable {
    private static final String VALID = "magnet_valid_"; // of columns that come and go within transform

    private final String uid;
    private final Param<String> inputCol;
    private final Param<String> outputCol;
    private final Param<String> modelPath;
    private final Param<String> adapterPath;
    private final IntParam threads;
    private final IntParam batchSize;
    private final Param<String> handleInvalid;
    private final Param<String> reasonCol;

    /** With an identifier, as {@code read().load(path)} makes it. */
    MagnetTransformer(String uid, int batchSize) {
        this.uid = uid; // which parameters ask for as they are made
        inputCol = param("inputCol", "column of texts");
        outputCol = param("outputCol", "column of results");
        modelPath = param("modelPath",
                "GGUF file that every machine has, name of one distributed by SparkContext.addFile, or name of a known model");
        adapterPath = param("adapterPath",
                "the same of an adapter; empty: the one that is known for a model by name; none: the bare model");
        threads = new IntParam(this, "threads",
                "threads of one call; 0: spark.executor.cores if set, else the physical cores",
                ParamValidators.inRange(0, ModelSettings.MOST_THREADS));
        this.batchSize = new IntParam(this, "batchSize", "most rows that are computed together", ParamValidators.gt(0));
        handleInvalid = new Param<>(this, "handleInvalid",
                "what becomes of rows whose text is null, no UTF-8 or too long: error, skip (the row is left out), keep (null, and"
                        + " the reason in reasonCol)",
                ParamValidators.inArray(HandleInvalid.NAMES));
        reasonCol = param("reasonCol", "column of reasons, where handleInvalid is keep");
        setDefault(modelPath, "smollm2-135m-instruct");
        setDefault(adapterPath, "");
        setDefault(threads, 0);
        setDefault(this.batchSize, batchSize);
        setDefault(handleInvalid, "error");
        setDefault(reasonCol, "reason");
    }

    static String randomUid(Class<?> type) {
        return Identifiable$.MODULE$.randomUID(type.getSimpleName());
    }

    final Param<String> param(String name, String doc) {
        return new Param<>(this, name, doc);
    }

    abstract T self();

    /** What is done with the texts. */
    abstract TextWork work();

    /** Of the output column. */
    abstract DataType outputType();

    /** Columns of texts, those of {@link TextWork#run} in order. */
    List<Param<String>> inputs() {
        return List.of(inputCol);
    }

    @Override
    public String uid() {
        return uid;
    }

    /** Column of texts. */
    public Param<String> inputCol() {
        return inputCol;
    }

    /** Column of results. */
    public Param<String> outputCol() {
        return outputCol;
    }

    /** {@link ModelSettings#modelPath()}. */
    public Param<String> modelPath() {
        return modelPath;
    }

    /** {@link ModelSettings#adapterPath()}. */
    public Param<String> adapterPath() {
        return adapterPath;
    }

    /** {@link ModelSettings#threads()}. */
    public IntParam threads() {
        return threads;
    }

    /** Most rows that are computed together. */
    public IntParam batchSize() {
        return batchSize;
    }

    /** error, skip or keep. */
    public Param<String> handleInvalid() {
        return handleInvalid;
    }

    /** Column of reasons. */
    public Param<String> reasonCol() {
        return reasonCol;
    }

    /** Column of texts. */
    public T setInputCol(String column) {
        return with(inputCol, column);
    }

    /** Column of results. */
    public T setOutputCol(String column) {
        return with(outputCol, column);
    }

    /** {@link ModelSettings#modelPath()}. Default: smollm2-135m-instruct. */
    public T setModelPath(String path) {
        return with(modelPath, path);
    }

    /** {@link ModelSettings#adapterPath()}. Default: the one that is known for a model by name. */
    public T setAdapterPath(String path) {
        return with(adapterPath, path);
    }

    /** {@link ModelSettings#threads()}. Default: 0. */
    public T setThreads(int n) {
        return with(threads, n);
    }

    /** Most rows that are computed together, at least 1. */
    public T setBatchSize(int rows) {
        return with(batchSize, rows);
    }

    /** What becomes of rows whose text is null, no valid UTF-8 or too long: error (default), skip or keep. */
    public T setHandleInvalid(String what) {
        return with(handleInvalid, what);
    }

    /** Column of reasons, where {@link #setHandleInvalid} is keep. Default: reason. */
    public T setReasonCol(String column) {
        return with(reasonCol, column);
    }

    final <V> T with(Param<V> param, V value) {
        set(param, Objects.requireNonNull(value, param.name()));
        return self();
    }

    final T withInt(IntParam param, int value) {
        set(param, (Object) value);
        return self();
    }

    final int intOf(IntParam param) {
        return (Integer) getOrDefault(param);
    }

    @Override
    public Dataset<Row> transform(Dataset<?> dataset) {
        if (dataset.sparkSession().sparkContext().isStopped()) {
            throw new IllegalStateException("the SparkContext of this dataset was stopped");
        }
        StructType result = transformSchema(dataset.schema());
        var model = new ModelSettings(getOrDefault(modelPath), getOrDefault(adapterPath), intOf(threads));
        String[] names = dataset.columns();
        List<Param<String>> inputs = inputs();
        int[] columns = inputs.stream().mapToInt(input -> indexOf(getOrDefault(input), names)).toArray();
        int[] valid = IntStream.range(names.length, names.length + inputs.size()).toArray();
        Dataset<Row> rows = dataset.toDF();
        for (int i = 0; i < inputs.size(); i++) {
            Column bytes = functions.col("`" + names[columns[i]].replace("`", "``") + "`");
            rows = rows.withColumn(VALID + uid + i, functions.is_valid_utf8(bytes));
        }
        var batches = new RowBatches(work(), columns, valid, names.length, intOf(batchSize),
                HandleInvalid.of(getOrDefault(handleInvalid)));
        return rows.mapPartitions(MagnetTasks.mapPartitions(model, batches), Encoders.row(result));
    }

    @Override
    public StructType transformSchema(StructType schema) {
        String[] names = schema.fieldNames();
        for (Param<String> input : inputs()) {
            String column = needed(input);
            int index = indexOf(column, names);
            if (index < 0) {
                throw new IllegalArgumentException(
                        input.name() + " is \"" + column + "\"; there is no such column among " + String.join(", ", names));
            }
            DataType type = schema.apply(index).dataType();
            if (!(type instanceof StringType)) {
                throw new IllegalArgumentException(
                        input.name() + " is \"" + column + "\", a column of " + type.simpleString() + "; strings are needed");
            }
        }
        StructType result = added(schema, outputCol, outputType());
        return HandleInvalid.of(getOrDefault(handleInvalid)) == HandleInvalid.KEEP
                ? added(result, reasonCol, DataTypes.StringType)
                : result;
    }

    private StructType added(StructType schema, Param<String> param, DataType type) {
        String column = needed(param);
        if (column.isEmpty()) {
            throw new IllegalArgumentException(param.name() + " is empty; a column has a name");
        }
        if (indexOf(column, schema.fieldNames()) >= 0) {
            throw new IllegalArgumentException(param.name() + " is \"" + column + "\"; there is such a column already");
        }
        return schema.add(column, type, true);
    }

    /** The place of a column, told from others as Spark is set to; -1 = there is none. */
    private static int indexOf(String column, String[] names) {
        int same = Arrays.asList(names).indexOf(column);
        return same >= 0 || SQLConf.get().caseSensitiveAnalysis() ? same : IntStream.range(0, names.length)
                .filter(i -> names[i].equalsIgnoreCase(column))
                .findFirst()
                .orElse(-1);
    }

    private String needed(Param<String> param) {
        if (!isDefined(param)) {
            throw new IllegalArgumentException(param.name() + " is not set: " + param.doc());
        }
        return getOrDefault(param);
    }

    @Override
    @SuppressWarnings("unchecked")
    public T copy(ParamMap extra) {
        return (T) defaultCopy(extra);
    }
}
