/** Columns of vectors, scores and continuations in Spark: transformers, SQL functions, and a way to one model an executor. */
@NullMarked
package dev.magnet.spark;

import org.jspecify.annotations.NullMarked;
