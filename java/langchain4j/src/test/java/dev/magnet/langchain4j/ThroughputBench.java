package dev.magnet.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.magnet.DefaultModel;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.Throughput;
import java.util.List;
import org.junit.jupiter.api.Test;

/** 10,000 segments through LangChain4j and through Magnet alone. No test: run by {@code -Dtest=ThroughputBench}. */
class ThroughputBench {
    @Test
    void besideMagnetAlone() throws Exception {
        List<String> texts = Throughput.sentences();
        try (var magnet = Magnet.load(DefaultModel.path(), LoadOptions.defaults().withAdapters(DefaultModel.adapter()))) {
            var model = new MagnetEmbeddingModel(magnet);
            Throughput.compare("LangChain4j embedAll", texts, magnet::embed,
                    some -> model.embedAll(some.stream().map(TextSegment::from).toList()));
        }
    }
}
