//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import dev.magnet.Filling;
import dev.magnet.InfillOptions;
import dev.magnet.Infilled;
import dev.magnet.Magnet;
import dev.magnet.Part;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Fills the body of a method of a Java file, with a model that was trained to fill in the middle (Qwen2.5-Coder, say): of
 * several candidates the likeliest that parses. Prints the file with it.
 *
 * <pre>java -cp … CodeFiller.java coder.gguf Shop.java totalPrice</pre>
 */
class CodeFiller {
    private static final int CANDIDATES = 4;

    public static void main(String[] args) throws IOException {
        if (args.length != 3) {
            System.err.println("usage: CodeFiller.java MODEL.gguf FILE.java METHOD");
            System.exit(2);
        }
        String source = Files.readString(Path.of(args[1]));
        int[] body = bodyOf(source, args[2]);
        List<Part> parts =
                List.of(Part.text(source.substring(0, body[0])), Part.gap(), Part.text(source.substring(body[1])));
        InfillOptions options = InfillOptions.defaults().withMaxTokens(256).withSeed(1).withCandidates(CANDIDATES);
        try (Magnet magnet = Magnet.load(Path.of(args[0]))) {
            Infilled filled = magnet.infill(parts, options);
            for (Filling candidate : filled.ranked()) {
                String text = filled.text(candidate);
                boolean parses = isStillTheBody(text, args[2], body[0], text.length() - (source.length() - body[1]));
                System.err.printf("%6.3f  %s  x%d%n", candidate.score(), parses ? "parses" : "broken", candidate.count());
                if (parses) {
                    System.out.print(text);
                    return;
                }
            }
        }
        System.err.println("no candidate parses");
        System.exit(1);
    }

    /** Whether it parses, and the method ends where it did: a filling may have closed it, and gone on with methods of its own. */
    private static boolean isStillTheBody(String source, String method, int begin, int end) {
        var finder = new Finder(method);
        return parse(source, finder) == null && finder.body != null && finder.body[0] == begin && finder.body[1] == end;
    }

    /** Where the first method of that name has its body: behind its opening brace, and at its closing one. */
    static int[] bodyOf(String source, String method) {
        var finder = new Finder(method);
        String fault = parse(source, finder);
        if (fault != null || finder.body == null) {
            System.err.println(fault != null ? fault : "there is no method " + method + " with a body");
            System.exit(1);
        }
        return finder.body;
    }

    /** Lets {@code finder} see the source; returns the first fault of its syntax, or null. */
    private static String parse(String source, Finder finder) {
        var file = new SimpleJavaFileObject(URI.create("string:///Source.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return source;
            }
        };
        var faults = new DiagnosticCollector<JavaFileObject>();
        var task = (JavacTask) ToolProvider.getSystemJavaCompiler()
                .getTask(null, null, faults, List.of(), null, List.of(file));
        try {
            for (CompilationUnitTree unit : task.parse()) {
                finder.look(unit, Trees.instance(task));
            }
        } catch (IOException e) {
            return e.getMessage();
        }
        return faults.getDiagnostics().stream().map(each -> each.getMessage(null)).findFirst().orElse(null);
    }

    private static final class Finder extends TreeScanner<Void, Void> {
        private final String name;
        private CompilationUnitTree unit;
        private Trees trees;
        int[] body;

        Finder(String name) {
            this.name = name;
        }

        void look(CompilationUnitTree in, Trees with) {
            unit = in;
            trees = with;
            scan(in, null);
        }

        @Override
        public Void visitMethod(MethodTree method, Void unused) {
            if (body == null && method.getBody() != null && method.getName().contentEquals(name)) {
                var positions = trees.getSourcePositions();
                body = new int[] {
                    (int) positions.getStartPosition(unit, method.getBody()) + 1,
                    (int) positions.getEndPosition(unit, method.getBody()) - 1
                };
            }
            return super.visitMethod(method, unused);
        }
    }
}
