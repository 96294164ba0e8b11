//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.Magnet;
import dev.magnet.Message;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A conversation on the terminal, a line a turn behind the sign {@code >}; an empty line ends it.
 *
 * <pre>java -cp … Chat.java model.gguf</pre>
 */
class Chat {
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            System.err.println("usage: Chat.java MODEL.gguf");
            System.exit(2);
        }
        List<Message> conversation = new ArrayList<>(List.of(Message.system("You are brief and friendly.")));
        GenerateOptions options = GenerateOptions.defaults().withMaxTokens(200);
        var in = new BufferedReader(new InputStreamReader(System.in));
        try (Magnet magnet = Magnet.load(Path.of(args[0]))) {
            System.out.println("Say something; an empty line ends it.");
            String line;
            while ((line = ask(in)) != null && !line.isBlank()) {
                conversation.add(Message.user(line));
                Generated answer = magnet.chat(conversation, options).forEach(token -> {
                    System.out.print(token.text());
                    System.out.flush();
                });
                System.out.println();
                conversation.add(Message.assistant(answer.text()));
            }
        }
    }

    static String ask(BufferedReader in) throws IOException {
        System.out.print("> ");
        System.out.flush();
        return in.readLine();
    }
}
