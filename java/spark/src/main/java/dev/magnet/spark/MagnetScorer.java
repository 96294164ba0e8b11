package dev.magnet.spark;

import java.util.List;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** A column of how likely each text is behind another: natural log-probabilities, the sum over its tokens. */
public class MagnetScorer extends MagnetTransformer<MagnetScorer> {
    private final Param<String> givenCol = param("givenCol", "column of the texts in front of those that are scored");

    /** With default parameters. */
    public MagnetScorer() {
        this(randomUid(MagnetScorer.class));
    }

    /** With an identifier, for loading. */
    public MagnetScorer(String uid) {
        super(uid, 64);
    }

    /** Column of the texts in front. */
    public Param<String> givenCol() {
        return givenCol;
    }

    /** Column of the texts in front of those that are scored. */
    public MagnetScorer setGivenCol(String column) {
        return with(givenCol, column);
    }

    @Override
    MagnetScorer self() {
        return this;
    }

    @Override
    List<Param<String>> inputs() {
        return List.of(givenCol, inputCol());
    }

    @Override
    TextWork work() {
        return new TextWork.Score();
    }

    @Override
    DataType outputType() {
        return DataTypes.DoubleType;
    }

    /** For {@code PipelineModel.load}. */
    public static MLReader<MagnetScorer> read() {
        return new DefaultParamsReadable<MagnetScorer>() {}.read();
    }

    /** What {@code save(path)} has written. */
    public static MagnetScorer load(String path) {
        return read().load(path);
    }
}
