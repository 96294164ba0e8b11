package dev.magnet.spark;

import org.apache.spark.launcher.JavaModuleOptions;

/** Prints what {@code spark-submit} passes to a JVM, for programs that start without it. */
public final class JvmOptions {
    private JvmOptions() {}

    /** Prints one line. */
    public static void main(String[] args) {
        System.out.println(JavaModuleOptions.defaultModuleOptions());
    }
}
