//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.magnet.Adapter;
import dev.magnet.GenerateOptions;
import dev.magnet.Magnet;
import dev.magnet.TrainOptions;
import dev.magnet.TrainResult;
import dev.magnet.Trainer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Trains an adapter on text files of one's own, and lets the model go on with a prompt without and with it. Ctrl-C ends
 * the training and keeps what was learned.
 *
 * <pre>java -cp … AdaptToText.java model.gguf mine.gguf 200 "Dear diary," notes.txt diary.txt</pre>
 */
class AdaptToText {
    public static void main(String[] args) {
        if (args.length < 5) {
            System.err.println("usage: AdaptToText.java MODEL.gguf ADAPTER.gguf STEPS PROMPT TEXT ...");
            System.exit(2);
        }
        Path model = Path.of(args[0]);
        Path adapter = Path.of(args[1]);
        TrainOptions options = TrainOptions.defaults()
                .withTexts(Arrays.stream(args).skip(4).map(Path::of).toArray(Path[]::new))
                .withSteps(Integer.parseInt(args[2]))
                .withReport(Path.of(args[1] + ".html"));

        Trainer trainer = Trainer.of(model, adapter, options);
        cancelOnInterrupt(trainer);
        TrainResult result = trainer.train(System.out::println);
        System.out.println(adapter + " holds the state of step "
                + (result.bestStep() > 0 ? result.bestStep() : result.step()));

        String prompt = args[3];
        GenerateOptions speak = GenerateOptions.defaults().withMaxTokens(40).withTemperature(0);
        try (Magnet magnet = Magnet.load(model);
                Adapter mine = magnet.loadAdapter(adapter)) {
            System.out.println("without: " + prompt + magnet.generate(prompt, speak).text());
            System.out.println("with:    " + prompt + magnet.generate(prompt, speak.withAdapters(mine.scaled(1))).text());
        }
    }

    static void cancelOnInterrupt(Trainer trainer) {
        Thread training = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            trainer.cancel();
            try {
                training.join(); // a shutdown that does not wait would end the process before the adapter is written
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
    }
}
