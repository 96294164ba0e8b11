package dev.magnet;

import java.nio.file.Path;
import java.util.List;

/** Fills a thread's stack and, on the way back, makes calls from ever further up. {@link JvmLivesTest} runs it. */
final class DeepCalls {
    private static int refused;
    private static int served;

    private DeepCalls() {}

    /** Arguments: a text to train on; where the adapter goes. */
    public static void main(String[] args) throws Exception {
        TrainOptions options = TinyTraining.options(Path.of(args[0])).withOverwrite(true).withSteps(1);
        try (Magnet magnet = TinyModel.load()) {
            List<Runnable> calls = List.of(
                    () -> magnet.embed("text"),
                    () -> magnet.tokenize("text"),
                    () -> magnet.score("given", " this", " that"),
                    () -> magnet.infill("left", "right"),
                    () -> magnet.generate("Once", GenerateOptions.defaults().withMaxTokens(2)).forEach(token -> {}),
                    () -> TinyModel.load().close(),
                    () -> Trainer.of(TinyModel.LLAMA, Path.of(args[1]), options).train(step -> {}));
            for (Runnable call : calls) {
                call.run(); // what is initialised without room stays broken, in any Java program
                refused = 0;
                served = 0;
                var thread = new Thread(null, () -> dive(call), "deep", 512 << 10);
                thread.start();
                thread.join();
                System.out.println("refused " + (refused > 0) + ", served " + (served > 0));
            }
        }
    }

    private static void dive(Runnable call) {
        try {
            dive(call);
        } catch (StackOverflowError e) {
            refused++;
        }
        if (served < 5) {
            try {
                call.run();
                served++;
            } catch (StackOverflowError e) {
                refused++;
            }
        }
    }
}
