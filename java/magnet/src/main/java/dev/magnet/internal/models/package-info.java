/** Models by name: what is known, where it lies, and how it gets into the cache. */
@NullMarked
package dev.magnet.internal.models;

import org.jspecify.annotations.NullMarked;
