package dev.magnet.spark;

import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** A column of prompts becomes a column of continuations. The same seed gives the same, also in a task that is repeated. */
public class MagnetGenerator extends MagnetTransformer<MagnetGenerator> {
    private static final double MOST_SEED = 0xFFFF_FFFFL;

    private final IntParam maxTokens =
            new IntParam(this, "maxTokens", "most tokens of a continuation", ParamValidators.gt(0));
    private final DoubleParam temperature =
            new DoubleParam(this, "temperature", "0: always the likeliest token", ParamValidators.gtEq(0));
    private final LongParam seed = new LongParam(this, "seed", "of the random numbers that choose tokens",
            ParamValidators.inRange(0, MOST_SEED));

    /** With default parameters. */
    public MagnetGenerator() {
        this(randomUid(MagnetGenerator.class));
    }

    /** With an identifier, for loading. */
    public MagnetGenerator(String uid) {
        super(uid, 16);
        setDefault(maxTokens, (Object) 64);
        setDefault(temperature, (Object) 0.0);
        setDefault(seed, (Object) 1L);
    }

    /** Most tokens of a continuation. */
    public IntParam maxTokens() {
        return maxTokens;
    }

    /** 0 = always the likeliest token. */
    public DoubleParam temperature() {
        return temperature;
    }

    /** Of the random numbers that choose tokens. */
    public LongParam seed() {
        return seed;
    }

    /** Most tokens of a continuation. Default: 64. */
    public MagnetGenerator setMaxTokens(int n) {
        return withInt(maxTokens, n);
    }

    /** How freely tokens are chosen. Default: 0, always the likeliest. */
    public MagnetGenerator setTemperature(double value) {
        return with(temperature, (Object) value);
    }

    /** Of the random numbers that choose tokens, in [0, 2^32). Default: 1. */
    public MagnetGenerator setSeed(long value) {
        return with(seed, (Object) value);
    }

    @Override
    MagnetGenerator self() {
        return this;
    }

    @Override
    TextWork work() {
        return new TextWork.Generate(intOf(maxTokens), (Double) getOrDefault(temperature), (Long) getOrDefault(seed));
    }

    @Override
    DataType outputType() {
        return DataTypes.StringType;
    }

    /** For {@code PipelineModel.load}. */
    public static MLReader<MagnetGenerator> read() {
        return new DefaultParamsReadable<MagnetGenerator>() {}.read();
    }

    /** What {@code save(path)} has written. */
    public static MagnetGenerator load(String path) {
        return read().load(path);
    }
}
