package dev.magnet;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** On a record {@code X}: the methods {@code withY} of its components are written by the compiler, into {@code XWithers}. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.SOURCE)
@interface Withers {}
