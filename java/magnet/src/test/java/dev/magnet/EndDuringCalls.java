package dev.magnet;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** Leaves {@code main} while daemon threads are inside calls of every long kind. {@link JvmLivesTest} runs it. */
final class EndDuringCalls {
    private EndDuringCalls() {}

    /** Arguments: a text to train on; where the adapter goes. */
    public static void main(String[] args) throws Exception {
        var begun = new CountDownLatch(4);
        TrainOptions options = TinyTraining.options(Path.of(args[0])).withSteps(1_000_000);
        Trainer.of(TinyModel.LLAMA, Path.of(args[1]), options).async(step -> begun.countDown());
        Magnet magnet = Magnet.load(TinyModel.LLAMA, LoadOptions.defaults().withThreads(2).withSessions(4));
        forever(begun, () -> magnet.embed("text", "x".repeat(200)));
        forever(begun, () -> magnet.generate("Once", GenerateOptions.defaults().withIgnoreEos(true)).text());
        forever(begun, () -> magnet.embedAsync("text").join());
        begun.await();
        System.out.println("ends");
    }

    private static void forever(CountDownLatch begun, Runnable call) {
        Thread.ofPlatform().daemon().start(() -> {
            while (true) {
                call.run();
                begun.countDown();
            }
        });
    }
}
