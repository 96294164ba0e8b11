/**
 * One loaded model, three tools: embeddings, text infilling and text generation ({@link dev.magnet.Magnet}); and the
 * training of adapters that make it better at them ({@link dev.magnet.Trainer}).
 *
 * <p>Options are immutable records: start from {@code defaults()} and copy with {@code withX}. Results are immutable
 * records. Everything that can fail throws {@link dev.magnet.MagnetException}, which carries a {@link dev.magnet.Status};
 * null arguments throw {@link java.lang.NullPointerException}, and anything used after its {@code close()} throws
 * {@link java.lang.IllegalStateException}.
 */
@NullMarked
package dev.magnet;

import org.jspecify.annotations.NullMarked;
