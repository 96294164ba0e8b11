package dev.magnet.spark;

import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.jspecify.annotations.Nullable;

/**
 * Adds the output column to the rows of a partition, a batch at a time, as they are asked for.
 *
 * @param work what is done with the texts
 * @param columns where a row has them
 * @param valid where it says, for each of them, whether its bytes are UTF-8; these columns are left out of the results
 * @param width columns of a row before {@code valid}
 * @param batchSize most rows whose texts are computed together
 * @param handleInvalid what becomes of rows whose texts are no good
 */
record RowBatches(TextWork work, int[] columns, int[] valid, int width, int batchSize, HandleInvalid handleInvalid)
        implements MagnetTasks.Work<Row, Row>, Serializable {
    private static final int SHOWN = 40; // characters of a text in a message

    @Override
    public Iterator<Row> apply(Magnet magnet, Iterator<Row> partition) {
        return new Iterator<>() {
            private final Queue<Row> ready = new ArrayDeque<>();
            private boolean checked;

            @Override
            public boolean hasNext() {
                while (ready.isEmpty() && partition.hasNext()) {
                    List<Row> batch = new ArrayList<>();
                    while (batch.size() < batchSize && partition.hasNext()) {
                        batch.add(partition.next());
                    }
                    if (!checked) { // before a row is blamed for a parameter
                        work.check(magnet);
                        checked = true;
                    }
                    ready.addAll(results(magnet, batch));
                }
                return !ready.isEmpty();
            }

            @Override
            public Row next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return ready.remove();
            }
        };
    }

    private List<Row> results(Magnet magnet, List<Row> batch) {
        List<@Nullable String> reasons = new ArrayList<>();
        List<List<String>> texts = new ArrayList<>();
        for (Row row : batch) {
            String reason = reason(row);
            reasons.add(reason);
            if (reason == null) {
                texts.add(Arrays.stream(columns).mapToObj(row::getString).toList());
            }
        }
        List<Outcome> outcomes = Outcome.merged(reasons, work.run(magnet, texts));
        List<Row> results = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            Row row = batch.get(i);
            Outcome outcome = outcomes.get(i);
            if (outcome.reason() == null || handleInvalid == HandleInvalid.KEEP) {
                results.add(result(row, outcome));
            } else if (handleInvalid == HandleInvalid.ERROR) {
                throw new MagnetException(Status.INVALID_ARGUMENT, outcome.reason() + described(row));
            }
        }
        return results;
    }

    /** Why a row cannot be used, as far as that shows without the model; null = it can. */
    private @Nullable String reason(Row row) {
        for (int i = 0; i < columns.length; i++) {
            if (row.isNullAt(columns[i])) {
                return "the text is null";
            }
            if (!row.getBoolean(valid[i])) {
                return "the text is no valid UTF-8";
            }
        }
        return null;
    }

    private Row result(Row row, Outcome outcome) {
        boolean keep = handleInvalid == HandleInvalid.KEEP;
        Object[] values = new Object[width + (keep ? 2 : 1)];
        for (int i = 0; i < width; i++) {
            values[i] = row.get(i);
        }
        values[width] = outcome.value();
        if (keep) {
            values[width + 1] = outcome.reason();
        }
        return RowFactory.create(values);
    }

    private String described(Row row) {
        var text = new StringBuilder();
        for (int column : columns) {
            String value = row.isNullAt(column) ? "null" : row.getString(column);
            String shown = value.length() > SHOWN ? value.substring(0, SHOWN) + "…" : value;
            text.append(text.isEmpty() ? " (" : ", ").append(shown);
        }
        return text + "); handleInvalid says what else may become of such rows: skip, keep";
    }
}
