//JAVA 22+
//DEPS dev.magnet:magnet-platform:0.1.0-SNAPSHOT
//DEPS org.apache.lucene:lucene-core:10.6.0
//DEPS org.apache.lucene:lucene-analysis-common:10.6.0
//DEPS org.apache.lucene:lucene-queries:10.6.0
//DEPS org.apache.lucene:lucene-highlighter:10.6.0
//DEPS org.apache.lucene:lucene-memory:10.6.0
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import dev.magnet.EmbedOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Truncation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.StoredFields;
import org.apache.lucene.index.Term;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.KnnFloatVectorQuery;
import org.apache.lucene.search.MatchNoDocsQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.highlight.Highlighter;
import org.apache.lucene.search.highlight.QueryScorer;
import org.apache.lucene.search.highlight.SimpleHTMLFormatter;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.QueryBuilder;

/**
 * Finds paragraphs of a folder of text files by their words (BM25) and by their meaning (vectors) at once, in a Lucene index
 * on disk that is brought up to date first: only files that were added or changed are read and embedded.
 *
 * <pre>java -cp … HybridSearch.java model.gguf adapter.gguf folder index "a question"</pre>
 */
class HybridSearch {
    static final int CANDIDATES = 50; // of each kind
    static final int RANK_CONSTANT = 60; // of reciprocal rank fusion, as in its paper
    static final int SHOWN = 200; // characters of a paragraph that has none of the question's words
    static final StandardAnalyzer ANALYZER = new StandardAnalyzer();
    static final EmbedOptions EMBED = EmbedOptions.defaults().withTruncate(Truncation.HEAD);

    public static void main(String[] args) throws Exception {
        if (args.length != 5) {
            System.err.println("usage: HybridSearch.java MODEL.gguf ADAPTER.gguf FOLDER INDEX QUESTION");
            System.exit(2);
        }
        if (!Files.isDirectory(Path.of(args[2]))) {
            System.err.println(args[2] + " is no folder");
            System.exit(1);
        }
        var options = LoadOptions.defaults().withAdapters(Path.of(args[1]));
        try (Magnet magnet = Magnet.load(Path.of(args[0]), options); FSDirectory index = FSDirectory.open(Path.of(args[3]))) {
            update(index, Path.of(args[2]), magnet);
            search(index, args[4], magnet.embed(args[4], EMBED));
        }
    }

    /** Takes out of the index what is gone or has changed, and puts in what is new. */
    static void update(FSDirectory index, Path folder, Magnet magnet) throws IOException {
        Map<String, Path> present = new TreeMap<>(); // by name and time of change
        try (Stream<Path> files = Files.walk(folder.toRealPath())) { // the same, however the folder is named
            for (Path file : files.filter(file -> file.toString().endsWith(".txt")).toList()) {
                present.put(file + "@" + Files.getLastModifiedTime(file).toMillis(), file);
            }
        }
        try (var writer = new IndexWriter(index, new IndexWriterConfig(ANALYZER))) {
            Set<String> indexed = versions(writer);
            for (String version : indexed) {
                if (!present.containsKey(version)) {
                    writer.deleteDocuments(new Term("version", version));
                }
            }
            int added = 0;
            for (Map.Entry<String, Path> file : present.entrySet()) {
                if (!indexed.contains(file.getKey())) {
                    writer.addDocuments(documents(file.getKey(), file.getValue(), magnet));
                    added++;
                }
            }
            System.out.printf("%d files, %d of them new%n", present.size(), added);
        }
    }

    static Set<String> versions(IndexWriter writer) throws IOException {
        Set<String> versions = new HashSet<>();
        try (DirectoryReader reader = DirectoryReader.open(writer)) {
            for (var leaf : reader.leaves()) {
                var terms = leaf.reader().terms("version");
                for (var all = terms == null ? null : terms.iterator(); all != null && all.next() != null; ) {
                    versions.add(all.term().utf8ToString());
                }
            }
        }
        return versions;
    }

    static List<Document> documents(String version, Path file, Magnet magnet) throws IOException {
        String whole = new String(Files.readAllBytes(file), StandardCharsets.UTF_8); // what is no UTF-8 becomes U+FFFD
        List<String> paragraphs = Stream.of(whole.split("\\R\\s*\\R"))
                .map(String::strip)
                .filter(text -> !text.isEmpty())
                .toList();
        float[][] vectors = magnet.embed(paragraphs, EMBED);
        List<Document> documents = new ArrayList<>();
        for (int i = 0; i < vectors.length; i++) {
            var document = new Document();
            document.add(new StringField("version", version, Field.Store.NO));
            document.add(new StringField("file", file.getFileName().toString(), Field.Store.YES));
            document.add(new TextField("text", paragraphs.get(i), Field.Store.YES));
            document.add(new KnnFloatVectorField("vector", vectors[i], VectorSimilarityFunction.DOT_PRODUCT)); // of length 1
            documents.add(document);
        }
        return documents;
    }

    static String beginning(String text) {
        return text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text;
    }

    static void search(FSDirectory index, String question, float[] vector) throws Exception {
        try (DirectoryReader reader = DirectoryReader.open(index)) {
            var searcher = new IndexSearcher(reader);
            Query any = new QueryBuilder(ANALYZER).createBooleanQuery("text", question); // null: no word in it
            Query words = any == null ? new MatchNoDocsQuery() : any;
            TopDocs byWords = searcher.search(words, CANDIDATES);
            TopDocs byMeaning = searcher.search(new KnnFloatVectorQuery("vector", vector, CANDIDATES), CANDIDATES);
            TopDocs both = TopDocs.rrf(3, RANK_CONSTANT, new TopDocs[] {byWords, byMeaning});
            var highlighter = new Highlighter(new SimpleHTMLFormatter("**", "**"), new QueryScorer(words));
            StoredFields stored = searcher.storedFields();
            for (ScoreDoc hit : both.scoreDocs) {
                Document document = stored.document(hit.doc);
                String text = document.get("text");
                String passage = highlighter.getBestFragment(ANALYZER, "text", text); // null without a common word
                System.out.printf("%.4f  %s: %s%n", hit.score, document.get("file"), (passage == null ? beginning(text) : passage).replaceAll("\\s+", " "));
            }
        }
    }
}
