package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.InfillOptions;
import dev.magnet.Infilled;
import dev.magnet.Part;
import dev.magnet.ScoreOptions;
import dev.magnet.Scored;
import dev.magnet.TokenEmbeddings;
import dev.magnet.EmbedOptions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** MAGNET's own endpoints say what the Java API says. */
class MagnetApiTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.tiny();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void severalGapsAreFilled() {
        List<Part> parts = List.of(Part.text("Tom "), Part.gap(3), Part.text(" his "), Part.gapUpTo(5), Part.text("."));
        Infilled expected = server.magnet.infill(parts, InfillOptions.defaults());
        JsonNode answer = server.post("/magnet/infill", "{'parts': [{'text': 'Tom '}, {'gap': 3}, {'text': ' his '},"
                + " {'gap': 0, 'max': 5}, {'text': '.'}], 'tokens': true, 'top': 2}").json();
        JsonNode candidate = answer.at("/candidates/0");
        assertEquals(expected.text(), candidate.get("text").asText());
        for (int i = 0; i < 2; i++) {
            assertEquals(expected.fillings().get(i), candidate.at("/gaps/" + i + "/text").asText());
            assertEquals(expected.spans().get(i).logprob(), candidate.at("/gaps/" + i + "/logprob").asDouble(), 1e-3);
        }
        assertEquals(3, candidate.at("/gaps/0/tokens").size());
        assertEquals(2, candidate.at("/gaps/0/tokens/0/top").size());
        assertEquals(expected.usage().generatedTokens(), answer.at("/usage/generated_tokens").asInt());
    }

    @Test
    void openGapsEndWhereTheyAreTold() {
        List<Part> parts = List.of(Part.text("Tom "), Part.gapUpTo(30), Part.text("."));
        String whole = server.magnet.infill(parts, InfillOptions.defaults()).fillings().getFirst();
        String stop = whole.substring(whole.length() / 2, whole.length() / 2 + 2);
        JsonNode gap = server.post("/magnet/infill", "{'parts': [{'text': 'Tom '}, {'gap': 0, 'max': 30}, {'text': '.'}], 'stop': "
                + TestServer.JSON.valueToTree(stop) + "}").json().at("/candidates/0/gaps/0");
        assertEquals(whole.substring(0, whole.indexOf(stop)), gap.get("text").asText());
        assertEquals("string", gap.get("stop").asText());
        String lines = "'parts': [{'text': 'Say: '}, {'gap': 0, 'max': 30}], 'grammar': 'root ::= \\\"one\\\\ntwo\\\"'";
        assertEquals("one\ntwo", server.post("/magnet/infill", "{" + lines + "}").json().at("/candidates/0/gaps/0/text").asText());
        JsonNode line = server.post("/magnet/infill", "{" + lines + ", 'until': 'line'}").json().at("/candidates/0/gaps/0");
        assertEquals("one", line.get("text").asText());
        assertEquals("until", line.get("stop").asText());
    }

    @Test
    void candidatesAreDistinctAndLikeliestComeFirst() {
        JsonNode candidates = server.post("/magnet/infill", "{'parts': [{'text': 'Tom '}, {'gap': 4}, {'text': '.'}],"
                + " 'candidates': 6, 'temperature': 1, 'seed': 3}").json().get("candidates");
        Set<String> texts = new HashSet<>();
        double last = 0;
        for (JsonNode candidate : candidates) {
            assertTrue(texts.add(candidate.get("text").asText()));
            assertTrue(candidate.get("mean_logprob").asDouble() <= last);
            last = candidate.get("mean_logprob").asDouble();
        }
        assertTrue(texts.size() > 1);
    }

    @Test
    void candidatesAreStreamed() {
        List<String> events = server.post("/magnet/infill", "{'parts': [{'text': 'Tom '}, {'gap': 4}, {'text': '.'}],"
                + " 'candidates': 3, 'temperature': 1, 'seed': 3, 'stream': true}").events();
        assertEquals(5, events.size(), "three candidates, what they cost, the end");
        assertTrue(events.getFirst().startsWith("{\"candidate\":{\"text\":\"Tom "), events.getFirst());
        assertTrue(events.get(3).startsWith("{\"usage\":"), events.get(3));
    }

    @Test
    void scoresAreThoseOfTheModel() {
        Scored expected = server.magnet
                .score(List.of(List.of(Part.text("Tom "), Part.filled("lost"), Part.text(" it."))), ScoreOptions.defaults())
                .getFirst();
        JsonNode item = server.post("/magnet/score",
                "{'items': [{'parts': [{'text': 'Tom '}, {'filled': 'lost'}, {'text': ' it.'}]}], 'top': 3}").json().at("/items/0");
        assertEquals(expected.logprob(), item.get("logprob").asDouble(), 1e-3);
        assertEquals(expected.spans().getFirst().tokens().size(), item.at("/gaps/0/tokens").size());
        assertEquals(3, item.at("/gaps/0/tokens/0/top").size());
    }

    @Test
    void everyTokenHasItsVector() {
        TokenEmbeddings expected = server.magnet.embedTokens("a cat", EmbedOptions.defaults());
        JsonNode item = server.post("/magnet/embed", "{'input': 'a cat', 'tokens': true}").json().at("/data/0");
        assertEquals(expected.tokens().length, item.get("tokens").size());
        assertEquals(expected.vectors()[2][5], item.at("/tokens/2/vector/5").asDouble(), 1e-5);
        JsonNode plain = server.post("/magnet/embed", "{'input': ['a cat'], 'attention': 'causal', 'pooling': 'last'}").json();
        assertEquals(32, plain.at("/data/0/vector").size());
        JsonNode few = server.post("/magnet/embed", "{'input': 'a cat', 'dimensions': 4}").json().at("/data/0/vector");
        assertEquals(4, few.size());
        assertEquals(server.magnet.embed("a cat", EmbedOptions.defaults().withDimensions(4))[3], few.get(3).asDouble(), 1e-5);
    }

    @Test
    void maskIsTheRule() {
        JsonNode mask = server.post("/magnet/mask",
                "{'parts': [{'text': 'ab'}, {'gap': 2}, {'text': 'cd'}], 'context': 'hybrid'}").json();
        int n = mask.get("slots").size();
        for (int q = 0; q < n; q++) {
            for (int k = 0; k < n; k++) {
                boolean context = mask.at("/slots/" + k + "/role").asText().equals("context");
                boolean span = mask.at("/slots/" + q + "/role").asText().equals("span");
                boolean before = mask.at("/slots/" + k + "/position").asInt() <= mask.at("/slots/" + q + "/position").asInt();
                assertEquals(context || span && before, mask.at("/sees/" + q).asText().charAt(k) == '1', q + " sees " + k);
            }
        }
    }

    @Test
    void unknownFieldsAreNamed() {
        String message = server.post("/magnet/embed", "{'input': 'a', 'normalise': true}").message();
        assertTrue(message.contains("normalise") && message.contains("normalize"), message);
    }
}
