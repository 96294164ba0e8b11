/** A model's answers as records of Java: {@link dev.magnet.json.Json}. */
@NullMarked
package dev.magnet.json;

import org.jspecify.annotations.NullMarked;
