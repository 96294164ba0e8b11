package dev.magnet.spark;

import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** A column of texts becomes a column of vectors, arrays of floats of length 1. */
public class MagnetEmbedder extends MagnetTransformer<MagnetEmbedder> {
    private final Param<String> instruction =
            param("instruction", "prefix of every text; not set: the adapter's; empty: none");
    private final BooleanParam document =
            new BooleanParam(this, "document", "the texts are documents that queries are to find");
    private final IntParam dimensions =
            new IntParam(this, "dimensions", "numbers of a vector, its first ones; 0: all", ParamValidators.gtEq(0));
    private final BooleanParam truncate = new BooleanParam(this, "truncate",
            "embed the head of a text that is too long; otherwise handleInvalid says what becomes of it");

    /** With default parameters. */
    public MagnetEmbedder() {
        this(randomUid(MagnetEmbedder.class));
    }

    /** With an identifier, for loading. */
    public MagnetEmbedder(String uid) {
        super(uid, 512);
        setDefault(document, (Object) false);
        setDefault(dimensions, (Object) 0);
        setDefault(truncate, (Object) false);
    }

    /** Prefix of every text. */
    public Param<String> instruction() {
        return instruction;
    }

    /** Whether the texts are documents that queries are to find. */
    public BooleanParam document() {
        return document;
    }

    /** Numbers of a vector, its first ones. */
    public IntParam dimensions() {
        return dimensions;
    }

    /** Whether the head of a text that is too long is embedded. */
    public BooleanParam truncate() {
        return truncate;
    }

    /** Prefix of every text; "" = none. Default: the adapter's. */
    public MagnetEmbedder setInstruction(String text) {
        return with(instruction, text);
    }

    /** Whether the texts are documents that queries are to find: they get the adapter's instruction for such. Default: false. */
    public MagnetEmbedder setDocument(boolean value) {
        return with(document, (Object) value);
    }

    /** Numbers of a vector, its first ones, at length 1. Default: 0, all that the model has. */
    public MagnetEmbedder setDimensions(int n) {
        return withInt(dimensions, n);
    }

    /** Whether the head of a text that is too long is embedded. Default: false, {@link #setHandleInvalid} decides. */
    public MagnetEmbedder setTruncate(boolean value) {
        return with(truncate, (Object) value);
    }

    @Override
    MagnetEmbedder self() {
        return this;
    }

    @Override
    TextWork work() {
        String prefix = isDefined(instruction) ? getOrDefault(instruction) : null;
        return new TextWork.Embed(
                prefix, (Boolean) getOrDefault(document), intOf(dimensions), (Boolean) getOrDefault(truncate));
    }

    @Override
    DataType outputType() {
        return DataTypes.createArrayType(DataTypes.FloatType, false);
    }

    /** For {@code PipelineModel.load}. */
    public static MLReader<MagnetEmbedder> read() {
        return new DefaultParamsReadable<MagnetEmbedder>() {}.read();
    }

    /** What {@code save(path)} has written. */
    public static MagnetEmbedder load(String path) {
        return read().load(path);
    }
}
