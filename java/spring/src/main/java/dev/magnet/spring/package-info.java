/** MAGNET as models of Spring AI, which Spring Boot configures by {@code magnet.*}. */
@NullMarked
package dev.magnet.spring;

import org.jspecify.annotations.NullMarked;
