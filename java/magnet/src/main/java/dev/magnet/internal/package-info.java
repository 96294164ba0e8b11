/** Everything between the public API and the generated binding. Not exported. */
@NullMarked
package dev.magnet.internal;

import org.jspecify.annotations.NullMarked;
