//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//DEPS dev.magnet:magnet-langchain4j:0.1.0-SNAPSHOT
//DEPS dev.langchain4j:langchain4j:1.19.0
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.langchain4j.data.document.loader.FileSystemDocumentLoader;
import dev.langchain4j.data.document.splitter.DocumentSplitters;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.store.embedding.EmbeddingMatch;
import dev.langchain4j.store.embedding.EmbeddingSearchRequest;
import dev.langchain4j.store.embedding.EmbeddingStoreIngestor;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import dev.magnet.langchain4j.MagnetChatModel;
import dev.magnet.langchain4j.MagnetEmbeddingModel;
import dev.magnet.langchain4j.MagnetTokenCountEstimator;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Answers a question from a folder of text files: LangChain4j splits, stores and finds, MAGNET embeds and answers, with one
 * model in memory.
 *
 * <pre>java -cp … AskFolder.java model.gguf adapter.gguf folder "a question"</pre>
 */
class AskFolder {
    public static void main(String[] args) {
        if (args.length != 4) {
            System.err.println("usage: AskFolder.java MODEL.gguf ADAPTER.gguf FOLDER QUESTION");
            System.exit(2);
        }
        Path model = Path.of(args[0]);
        Path folder = Path.of(args[2]);
        if (!Files.isDirectory(folder)) {
            System.err.println(folder + " is no folder");
            System.exit(1);
        }
        if (args[3].isBlank()) {
            System.err.println("the question is empty");
            System.exit(2);
        }
        try (var embedding = MagnetEmbeddingModel.builder().modelPath(model).adapterPath(Path.of(args[1])).build();
                var counter = MagnetTokenCountEstimator.builder().modelPath(model).build();
                var chat = MagnetChatModel.builder().modelPath(model).temperature(0.0).maxOutputTokens(100).build()) {
            var store = new InMemoryEmbeddingStore<TextSegment>();
            EmbeddingStoreIngestor.builder()
                    .documentSplitter(DocumentSplitters.recursive(64, 0, counter))
                    .embeddingModel(embedding)
                    .embeddingStore(store)
                    .build()
                    .ingest(FileSystemDocumentLoader.loadDocumentsRecursively(
                            folder, FileSystems.getDefault().getPathMatcher("glob:**.txt")));
            List<EmbeddingMatch<TextSegment>> found = store.search(EmbeddingSearchRequest.builder()
                            .queryEmbedding(embedding.embed(args[3]).content())
                            .maxResults(3)
                            .build())
                    .matches();
            for (EmbeddingMatch<TextSegment> match : found) {
                System.out.printf("%.3f  %s: %s%n", match.score(), match.embedded().metadata().getString("file_name"),
                        match.embedded().text().replaceAll("\\s+", " "));
            }
            if (found.isEmpty()) {
                System.err.println("there is no text in " + folder);
                System.exit(1);
            }
            String facts = found.stream().map(match -> match.embedded().text()).collect(Collectors.joining("\n"));
            System.out.println("> " + chat.chat("Answer in one sentence, from this text alone:\n" + facts + "\n\n" + args[3]));
        }
    }
}
