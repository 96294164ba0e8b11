// magnet_eval on tiny models: every figure against the same numbers put together here from the other calls of magnet.h.
#include "eval/bm25.h"
#include "eval/python-random.h"
#include "eval/ranking.h"
#include "eval/repetition.h"
#include "eval/statistics.h"
#include "eval_api.h"
#include "gguf_file.h"

#include <gguf.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

using namespace magnet::testing;
using doctest::Approx;

namespace {

std::vector<float> embed(const session_ptr & session, const std::string & s, int32_t attention, int32_t pooling,
                         const char * instruction = "") {
    magnet_embed_params how = magnet_embed_default_params();
    how.attention           = attention;
    how.pooling             = pooling;
    how.instruction         = instruction;
    const magnet_text  t    = text(s);
    std::vector<float> out(32);
    require_ok(magnet_embed(session.get(), &t, 1, &how, out.data(), 32, nullptr));
    return out;
}

double dot(const std::vector<float> & a, const std::vector<float> & b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Log-probability, tokens and greedily right tokens of the gaps among the parts.
struct sums {
    double logprob = 0.0, tokens = 0.0, correct = 0.0;

    void add(const session_ptr & session, const std::vector<magnet_part> & parts, int32_t context) {
        magnet_score_params how = magnet_score_default_params();
        how.context             = context;
        how.top               = 1;
        const result_ptr r      = score(session, parts, how);
        for (int32_t s = 0; s < r->n_spans; ++s) {
            logprob += r->spans[s].logprob;
            for (int32_t t = 0; t < r->spans[s].n_tokens; ++t) {
                tokens += 1.0;
                correct += r->spans[s].tokens[t].top[0].token == r->spans[s].tokens[t].id;
            }
        }
    }
    double perplexity() const { return std::exp(-logprob / tokens); }
};

// [random.Random(0).randint(1, 3), ...] in Python: 2, 2, 1, 2; random.Random(7): 2, 1, 2, 3
const std::map<int64_t, std::vector<size_t>> gap_of_story = {{0, {2, 2, 1, 2}}, {7, {2, 1, 2, 3}}};

std::string join(const std::vector<std::string> & sentences, size_t begin, size_t end) {
    std::string text;
    for (size_t i = begin; i < end; ++i) {
        text += (i > 0 ? " " : "") + sentences[i];
    }
    return text;
}

} // namespace

TEST_CASE_FIXTURE(work, "sts: cosines of embeddings, and their rank correlation") {
    const std::string  file         = folder.write("pairs.tsv", pairs);
    const int32_t      poolings[]   = {MAGNET_POOLING_LAST, MAGNET_POOLING_MEAN, MAGNET_POOLING_LAST};
    const int32_t      attentions[] = {MAGNET_ATTENTION_CAUSAL, MAGNET_ATTENTION_DEFAULT};
    magnet_eval_params p            = params_of(MAGNET_EVAL_STS, file);
    p.sts.poolings                      = poolings;
    p.sts.n_poolings                    = 3; // one is there twice
    p.sts.attentions                    = attentions;
    p.sts.n_attentions                  = 2;
    p.sts.instruction                   = "Text: ";
    const eval_ptr result           = evaluate(session, p);
    CHECK(result->n_figures == 4);
    CHECK(result->seconds > 0.0);

    const std::vector<double> gold = {5, 0.5, 3, 3, 1};
    CHECK(series(result, "gold") == gold);
    const std::vector<std::vector<std::string>> texts = {{"A man plays a guitar.", "Someone plays music."},
                                                         {"A dog runs.", "The stock market fell."},
                                                         {"Rain falls.", "It is wet outside."},
                                                         {"Two boys swim.", "Children are in the water."},
                                                         {"A cat.", "A very long train went through the valley."}};
    for (const auto & [attention, attention_name] : {std::pair<int32_t, std::string>{MAGNET_ATTENTION_CAUSAL, "causal"},
                                                     {MAGNET_ATTENTION_BIDIRECTIONAL, "bidirectional"}}) {
        for (const auto & [pooling, pooling_name] :
             {std::pair<int32_t, std::string>{MAGNET_POOLING_LAST, "last"}, {MAGNET_POOLING_MEAN, "mean"}}) {
            const std::string   name = attention_name + "." + pooling_name;
            std::vector<double> expected;
            const auto          cosines = series(result, "cosine." + name);
            REQUIRE(cosines.size() == texts.size());
            for (size_t i = 0; i < texts.size(); ++i) {
                expected.push_back(dot(embed(session, texts[i][0], attention, pooling, "Text: "),
                                       embed(session, texts[i][1], attention, pooling, "Text: ")));
                CHECK(cosines[i] == Approx(expected.back()).epsilon(1e-4));
            }
            CHECK(figure(result, "spearman." + name).value == Approx(100.0 * magnet::eval::spearman(expected, gold)));
            CHECK(figure(result, "spearman." + name).count == 5);
        }
    }
}

TEST_CASE_FIXTURE(work, "infill: stories, the gap where Python's generator puts it") {
    const std::string file = folder.write("stories.tsv", story_file());
    for (const auto & [seed, gaps] : gap_of_story) {
        magnet_eval_params p  = params_of(MAGNET_EVAL_INFILL, file);
        p.infill.seed                = seed;
        const eval_ptr result = evaluate(session, p);
        CHECK(result->n_figures == 6);
        for (const auto & [context, name] : {std::pair<int32_t, std::string>{MAGNET_CONTEXT_LEFT, "left"},
                                             {MAGNET_CONTEXT_HYBRID, "hybrid"},
                                             {MAGNET_CONTEXT_ORDERED, "ordered"}}) {
            sums                all;
            std::vector<double> tokens, logprobs, correct;
            for (size_t i = 0; i < stories.size(); ++i) {
                const std::string left = join(stories[i], 0, gaps[i]), gap = " " + stories[i][gaps[i]],
                                  right = join(stories[i], gaps[i] + 1, 5);
                sums one;
                context == MAGNET_CONTEXT_LEFT
                    ? one.add(session, {given(left.c_str()), filled(gap.c_str())}, context)
                    : one.add(session, {given(left.c_str()), filled(gap.c_str()), given(right.c_str())}, context);
                tokens.push_back(one.tokens);
                logprobs.push_back(one.logprob);
                correct.push_back(one.correct);
                all = {all.logprob + one.logprob, all.tokens + one.tokens, all.correct + one.correct};
            }
            CHECK(series(result, "tokens") == tokens);
            CHECK(series(result, "correct." + name) == correct);
            const std::vector<double> own = series(result, "logprob." + name);
            REQUIRE(own.size() == logprobs.size());
            for (size_t i = 0; i < own.size(); ++i) {
                CHECK(own[i] == Approx(logprobs[i]).epsilon(1e-4));
            }
            CHECK(figure(result, "perplexity." + name).value == Approx(all.perplexity()).epsilon(1e-4));
            CHECK(figure(result, "accuracy." + name).value == Approx(all.correct / all.tokens));
            CHECK(figure(result, "perplexity." + name).count == (int64_t)all.tokens);
        }
    }
}

TEST_CASE_FIXTURE(work, "infill: several gaps in a story, one beside the other") {
    const std::string  file      = folder.write("s.tsv", "One a.\tTwo b.\tTwo b.\tTwo b.\tThree c.\n");
    const int32_t      context[] = {MAGNET_CONTEXT_ORDERED};
    magnet_eval_params p         = params_of(MAGNET_EVAL_INFILL, file);
    p.infill.n_gaps                     = 3; // all inner sentences, whatever is drawn
    p.infill.contexts                   = context;
    p.infill.n_contexts                 = 1;
    sums expected;
    expected.add(session,
                 {given("One a."), filled(" Two b."), filled(" Two b."), filled(" Two b."), given(" Three c.")},
                 MAGNET_CONTEXT_ORDERED);
    const eval_ptr result = evaluate(session, p);
    CHECK(result->n_figures == 2);
    CHECK(figure(result, "perplexity.ordered").value == Approx(expected.perplexity()).epsilon(1e-4));
}

TEST_CASE_FIXTURE(work, "infill: open gaps leave room, and END counts where it is the likeliest only behind the gap") {
    const std::string  file      = folder.write("stories.tsv", story_file());
    const int32_t      context[] = {MAGNET_CONTEXT_ORDERED};
    magnet_eval_params p         = params_of(MAGNET_EVAL_INFILL, file);
    p.infill.contexts                   = context;
    p.infill.n_contexts                 = 1;
    p.infill.room                       = 90;
    const eval_ptr result        = evaluate(session, p);
    CHECK(result->n_figures == 3);
    CHECK(figure(result, "end.ordered").count == (int64_t)stories.size());

    sums all;
    for (size_t i = 0; i < stories.size(); ++i) {
        const size_t      g    = gap_of_story.at(0)[i];
        const std::string left = join(stories[i], 0, g), gap = " " + stories[i][g], right = join(stories[i], g + 1, 5);
        magnet_part       open = filled(gap.c_str());
        open.max_length        = 90;
        all.add(session, {given(left.c_str()), open, given(right.c_str())}, MAGNET_CONTEXT_ORDERED);
    }
    CHECK(figure(result, "perplexity.ordered").value == Approx(all.perplexity()).epsilon(1e-4));

    p.infill.n_gaps = 2;
    check_eval_fails(session, p, MAGNET_STATUS_INVALID_ARGUMENT, {"n_gaps"});
}

TEST_CASE_FIXTURE(work, "infill: an open gap has ended well where generation stops behind its text and not before") {
    std::mt19937                          random(1);
    std::vector<std::vector<std::string>> rows;
    std::string                           tsv;
    for (int i = 0; i < 300; ++i) {
        rows.emplace_back();
        for (int k = 0; k < 3; ++k) {
            std::string word;
            for (int c = 0; c < 3; ++c) {
                word += (char)('a' + random() % 26);
            }
            tsv += word + (k < 2 ? "\t" : "\n");
            rows.back().push_back(word);
        }
    }
    const auto next_of = [&](const std::string & prompt) { // -1 = the text ends
        magnet_generate_params how = magnet_generate_default_params();
        how.sampling.temperature   = 0.0f;
        how.max_tokens             = 1;
        magnet_result * out        = nullptr;
        require_ok(magnet_generate(session.get(), text(prompt), &how, &out));
        const result_ptr r(out);
        return r->spans[0].n_tokens == 0 ? -1 : r->spans[0].tokens[0].id;
    };

    // random weights hardly ever choose END, so END is the token that they choose behind the first row's gap
    const int32_t end = next_of(rows[0][0] + " " + rows[0][1]);
    copy_gguf(golden("tiny-gpt2.gguf"), scratch_path("ends.gguf"), [&](gguf_context * meta) {
        gguf_set_val_u32(meta, "tokenizer.ggml.eos_token_id", (uint32_t)end);
    });
    model   = load_model(scratch_path("ends.gguf"));
    session = make_session(model);

    const std::string  file      = folder.write("rows.tsv", tsv);
    const int32_t      context[] = {MAGNET_CONTEXT_LEFT};
    magnet_eval_params p         = params_of(MAGNET_EVAL_INFILL, file);
    p.infill.contexts                   = context;
    p.infill.n_contexts                 = 1;
    p.infill.room                       = 8;
    const eval_ptr            result = evaluate(session, p);
    const std::vector<double> ended  = series(result, "ended.left");
    REQUIRE(ended.size() == rows.size());

    double n_ended = 0.0;
    for (size_t i = 0; i < rows.size(); ++i) {
        const std::string gap   = " " + rows[i][1]; // a byte is a token
        bool              early = false;
        for (size_t k = 1; k < gap.size(); ++k) { // no gap ends before its first token
            early = early || next_of(rows[i][0] + gap.substr(0, k)) < 0;
        }
        const bool expected = !early && next_of(rows[i][0] + gap) < 0;
        CHECK(ended[i] == expected);
        n_ended += expected;
    }
    CHECK(n_ended > 0.0);
    CHECK(n_ended < (double)rows.size());
    CHECK(figure(result, "end.left").value == Approx(n_ended / (double)rows.size()));
}

TEST_CASE_FIXTURE(work, "infill: spans of prose lie where the draws put them") {
    // letters without the merges "he", "the", "in": a token each
    const std::vector<std::string> lines = {"abcdefgabcdefgabcdefgabcdefgabcdefgabcdefg", "too short",
                                            "zyxwvuzyxwvuzyxwvuzyxwvuzyxwvuzyxwvuzyxwvuzyxwvu"};
    const std::string  file = folder.write("prose.txt", lines[0] + "\n\n" + lines[1] + "\n" + lines[2] + "\n");
    magnet_eval_params p    = params_of(MAGNET_EVAL_INFILL, file);
    p.infill.gaps                  = MAGNET_EVAL_GAPS_SPANS;
    p.infill.n_gaps                = 2;
    p.infill.span_min              = 5;
    p.infill.span_max              = 9;
    p.infill.window                = 40; // of 42 and 48
    p.infill.seed                  = 3;
    const eval_ptr result   = evaluate(session, p);

    magnet::eval::python_random random(3);
    sums                  left, hybrid;
    for (const std::string & line : lines) {
        const std::string text = line.substr(0, 40);
        const int32_t     a = random.randint(5, 9), b = random.randint(5, 9);
        const int32_t     n = (int32_t)text.size() - a - b; // context
        if (n < a + b) {
            continue;
        }
        int32_t first = random.randint(1, n - 1), second = first;
        while (second == first) {
            second = random.randint(1, n - 1);
        }
        if (second < first) {
            std::swap(first, second);
        }
        const std::string t0 = text.substr(0, first), g0 = text.substr(first, a),
                          t1 = text.substr(first + a, second - first), g1 = text.substr(second + a, b),
                          t2 = text.substr(second + a + b);
        CHECK(t0 + g0 + t1 + g1 + t2 == text);
        const std::vector<magnet_part> parts = {given(t0.c_str()), filled(g0.c_str()), given(t1.c_str()),
                                                filled(g1.c_str()), given(t2.c_str())};
        hybrid.add(session, parts, MAGNET_CONTEXT_HYBRID);
        left.add(session, parts, MAGNET_CONTEXT_LEFT);
    }
    CHECK(series(result, "tokens").size() == 2);
    CHECK(figure(result, "perplexity.left").count == (int64_t)left.tokens);
    CHECK(figure(result, "perplexity.left").value == Approx(left.perplexity()).epsilon(1e-4));
    CHECK(figure(result, "perplexity.hybrid").value == Approx(hybrid.perplexity()).epsilon(1e-4));
    CHECK(figure(result, "accuracy.hybrid").value == Approx(hybrid.correct / hybrid.tokens));
}

TEST_CASE_FIXTURE(work, "perplexity: windows of a text, summed by hand") {
    const std::string  text = "abcd efgh\nijkl mnop qrst uvwx yz01 2345 6789";
    const std::string  file = folder.write("t.txt", text);
    magnet_eval_params p    = params_of(MAGNET_EVAL_PERPLEXITY, file);
    p.perplexity.window                = 16;
    sums                expected;
    std::vector<double> windows;
    REQUIRE(tokenize(model, text).size() == text.size());
    for (size_t begin = 0; begin + 16 <= text.size(); begin += 16) {
        const std::string first = text.substr(begin, 1), rest = text.substr(begin + 1, 15);
        const double      before = expected.logprob;
        expected.add(session, {given(first.c_str()), filled(rest.c_str())}, MAGNET_CONTEXT_LEFT);
        windows.push_back(expected.logprob - before);
    }
    REQUIRE(windows.size() == 2);
    const eval_ptr result = evaluate(session, p);
    CHECK(figure(result, "perplexity").value == Approx(expected.perplexity()).epsilon(1e-4));
    CHECK(figure(result, "perplexity").count == 30);
    p.limit = 1;
    CHECK(figure(evaluate(session, p), "perplexity").value == Approx(std::exp(-windows[0] / 15)).epsilon(1e-4));

    p.perplexity.window = 64;
    check_eval_fails(session, p, MAGNET_STATUS_BAD_FILE, {"t.txt", "44 tokens", "64"});
}

TEST_CASE("perplexity: a vocabulary that asks for BOS gets it in front of every window") {
    const test_folder  folder;
    const model_ptr    model   = load_tiny("llama");
    const session_ptr  session = make_session(model);
    const std::string  file    = folder.write("t.txt", "abcdefgh");
    magnet_eval_params p       = params_of(MAGNET_EVAL_PERPLEXITY, file);
    p.perplexity.window                   = (int32_t)tokenize(model, "abcdefgh").size();
    sums expected; // the space that SentencePiece puts in front is the first token
    expected.add(session, {given(""), filled("abcdefgh")}, MAGNET_CONTEXT_LEFT);
    magnet_score_params how = magnet_score_default_params();
    how.context             = MAGNET_CONTEXT_LEFT;
    const double first      = score(session, {filled("abcdefgh")}, how)->spans[0].tokens[0].logprob;
    CHECK(series(evaluate(session, p), "logprob")[0] == Approx(expected.logprob - first).epsilon(1e-4));
}

TEST_CASE_FIXTURE(work, "repetition: of the very continuations that magnet_generate gives") {
    const std::string  file = folder.write("p.txt", "one two three four\nshort one\nfive  six\tseven eight nine\n");
    magnet_eval_params p    = params_of(MAGNET_EVAL_REPETITION, file);
    p.repetition.prefix_words          = 3;
    p.repetition.max_tokens            = 40;
    p.repetition.seed                  = 11;
    p.repetition.sampling.temperature  = 0.6f;
    const eval_ptr result   = evaluate(session, p);

    std::vector<double> sentences, ngrams, tokens;
    const char * const  prefixes[] = {"one two three", "five  six\tseven"};
    for (int32_t i = 0; i < 2; ++i) {
        magnet_generate_params how = magnet_generate_default_params();
        how.sampling               = p.repetition.sampling;
        how.sampling.seed          = 11 + i;
        how.max_tokens             = 40;
        const result_ptr r         = generate(session, prefixes[i], how);
        sentences.push_back(magnet::eval::repeated_sentences(r->spans[0].text));
        ngrams.push_back(magnet::eval::repeated_ngrams(ids(r->spans[0]), 4));
        tokens.push_back(r->spans[0].n_tokens);
    }
    CHECK(series(result, "tokens") == tokens);
    CHECK(series(result, "rep-4") == ngrams);
    CHECK(figure(result, "rep-4").value == Approx((ngrams[0] + ngrams[1]) / 2));
    CHECK(figure(result, "rep-sen").value == Approx((sentences[0] + sentences[1]) / 2));
    CHECK(figure(result, "tokens").value == Approx((tokens[0] + tokens[1]) / 2));
    p.repetition.prefix_words = 6;
    check_eval_fails(session, p, MAGNET_STATUS_BAD_FILE, {"p.txt", "more than 6 words"});
}

TEST_CASE_FIXTURE(work, "choice: the likeliest option by each length, doubles dropped") {
    struct question {
        std::string              query;
        std::vector<std::string> options;
    };
    const std::vector<question> questions = {{"The sky is", {"blue", "a very very long story", "é", "q"}},
                                             {"Two and two", {"are four", "is", "zz zz", "make one"}},
                                             {"A dog", {"barks", "meows loudly at the moon"}},
                                             {"Water", {"is wet", "ii", "ïïï"}}};
    for (size_t gold = 0; gold < 2; ++gold) {
        std::string text;
        double      expected[3] = {};
        for (const question & q : questions) {
            // the first option stands again at the end, and the right one is named there if it is gold
            std::string list;
            for (const std::string & option : q.options) {
                list += "\"" + option + "\",";
            }
            list += "\"" + q.options[0] + "\"";
            text += "{\"query\": \"" + q.query + "\", \"choices\": [" + list +
                    "], \"gold\": " + std::to_string(gold == 0 ? q.options.size() : gold) + "}\n";

            size_t best[3] = {};
            double most[3] = {-INFINITY, -INFINITY, -INFINITY};
            for (size_t o = 0; o < q.options.size(); ++o) {
                const std::string prompt = q.query + "!", answer = " " + q.options[o];
                sums              one;
                one.add(session, {given(prompt.c_str()), filled(answer.c_str())}, MAGNET_CONTEXT_LEFT);
                size_t characters = 0; // é and ï take two bytes
                for (const char c : q.options[o]) {
                    characters += ((unsigned char)c & 0xc0) != 0x80;
                }
                const double values[3] = {one.logprob / (double)characters, one.logprob / one.tokens, one.logprob};
                for (int32_t k = 0; k < 3; ++k) {
                    if (values[k] > most[k]) {
                        most[k] = values[k];
                        best[k] = o;
                    }
                }
            }
            for (int32_t k = 0; k < 3; ++k) {
                expected[k] += best[k] == gold;
            }
        }
        const std::string  file = folder.write("q.jsonl", text);
        magnet_eval_params p    = params_of(MAGNET_EVAL_CHOICE, file);
        p.choice.prompt                = "!";
        const eval_ptr result   = evaluate(session, p);
        CHECK(figure(result, "accuracy.characters").value == Approx(expected[0] / 4));
        CHECK(figure(result, "accuracy.tokens").value == Approx(expected[1] / 4));
        CHECK(figure(result, "accuracy.sum").value == Approx(expected[2] / 4));
        CHECK(figure(result, "accuracy.sum").count == 4);
    }
}

TEST_CASE_FIXTURE(work, "retrieval: documents ranked by cosine") {
    const std::vector<std::string> queries   = {"a dog", "rain", "the river rose", "nobody asks"};
    const std::vector<std::string> documents = {"the dog barks",
                                                "it rains",
                                                "a river in spring",
                                                "keys",
                                                "the train is late",
                                                "bread",
                                                "a bridge over the river",
                                                "snow and rain",
                                                "cats and dogs",
                                                "the market",
                                                "a guitar",
                                                "the last one"};
    std::string                    query_text, document_text;
    for (size_t i = 0; i < queries.size(); ++i) {
        query_text += "q" + std::to_string(i) + "\t" + queries[i] + "\n";
    }
    for (size_t i = 0; i < documents.size(); ++i) {
        document_text += "d" + std::to_string(i) + "\t" + documents[i] + "\n";
    }
    const std::map<size_t, std::map<size_t, int32_t>> judged = {
        {0, {{0, 2}, {8, 1}, {5, 0}}}, {1, {{1, 1}, {7, 1}}}, {2, {{6, 3}, {2, 1}, {11, -1}}}};
    std::string trec, tsv = "query-id\tcorpus-id\tscore\n";
    for (const auto & [q, grades] : judged) {
        for (const auto & [d, grade] : grades) {
            trec += "q" + std::to_string(q) + " 0 d" + std::to_string(d) + " " + std::to_string(grade) + "\n";
            tsv += "q" + std::to_string(q) + "\td" + std::to_string(d) + "\t" + std::to_string(grade) + "\n";
        }
    }
    const std::string query_file    = folder.write("queries.tsv", query_text);
    const std::string document_file = folder.write("documents.tsv", document_text),
                      trec_file     = folder.write("qrels", trec);
    const int32_t      cutoffs[]    = {2, 5};
    magnet_eval_params p            = params_of(MAGNET_EVAL_RETRIEVAL, query_file);
    p.retrieval.documents                     = document_file.c_str();
    p.retrieval.relevance                     = trec_file.c_str();
    p.retrieval.cutoffs                       = cutoffs;
    p.retrieval.n_cutoffs                     = 2;
    p.retrieval.instruction                   = "Q: ";
    p.retrieval.document_instruction          = "";
    const eval_ptr result           = evaluate(session, p);

    double ndcg = 0.0, recall[2] = {};
    for (const auto & [q, grades] : judged) {
        std::vector<std::pair<double, size_t>> order;
        for (size_t d = 0; d < documents.size(); ++d) {
            order.push_back(
                {-dot(embed(session, queries[q], MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_POOLING_MEAN, "Q: "),
                      embed(session, documents[d], MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_POOLING_MEAN)),
                 d});
        }
        std::sort(order.begin(), order.end());
        std::vector<int32_t> ranked, all;
        for (const auto & [cosine, d] : order) {
            ranked.push_back(grades.count(d) ? grades.at(d) : 0);
        }
        for (const auto & [d, grade] : grades) {
            all.push_back(grade);
        }
        ndcg += magnet::eval::ndcg_at(ranked, all, 10) / 3;
        recall[0] += magnet::eval::recall_at(ranked, all, 2) / 3;
        recall[1] += magnet::eval::recall_at(ranked, all, 5) / 3;
    }
    CHECK(figure(result, "ndcg@10.bidirectional.mean").value == Approx(ndcg));
    CHECK(figure(result, "ndcg@10.bidirectional.mean").count == 3); // nobody asks the fourth
    CHECK(figure(result, "recall@2.bidirectional.mean").value == Approx(recall[0]));
    CHECK(figure(result, "recall@5.bidirectional.mean").value == Approx(recall[1]));

    // the same ranks by words, and by both
    p.retrieval.bm25   = true;
    p.retrieval.fusion = 0.3f;
    const eval_ptr           both = evaluate(session, p);
    const magnet::eval::bm25 index(documents);
    double                   mrr[3] = {};
    for (const auto & [q, grades] : judged) {
        const std::vector<double> by_words = index.scores(queries[q]);
        std::vector<double>       by_cosine;
        for (const std::string & document : documents) {
            by_cosine.push_back(dot(embed(session, queries[q], MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_POOLING_MEAN, "Q: "),
                                    embed(session, document, MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_POOLING_MEAN)));
        }
        const std::vector<double> scores[3] = {by_cosine, by_words, magnet::eval::fused(by_words, by_cosine, 0.3f)};
        for (int k = 0; k < 3; ++k) {
            size_t best = documents.size(); // rank of the first relevant one
            for (const auto & [d, grade] : grades) {
                size_t rank = 1;
                for (size_t other = 0; other < documents.size(); ++other) {
                    rank += scores[k][other] > scores[k][d] || (scores[k][other] == scores[k][d] && other < d);
                }
                best = grade > 0 ? std::min(best, rank) : best;
            }
            mrr[k] += 1.0 / double(best) / 3.0;
        }
    }
    CHECK(figure(both, "mrr.bidirectional.mean").value == Approx(mrr[0]));
    CHECK(figure(both, "mrr.bm25").value == Approx(mrr[1]));
    CHECK(figure(both, "mrr.fused.bidirectional.mean").value == Approx(mrr[2]));
    CHECK(figure(both, "ndcg@10.bidirectional.mean").value == figure(result, "ndcg@10.bidirectional.mean").value);
    CHECK(figure(both, "mrr.bm25").low <= mrr[1]);
    CHECK(figure(both, "mrr.bm25").high >= mrr[1]);
    p.retrieval.bm25 = false;

    // a document that stands twice is one, with the better of its grades
    const std::string twice_file = folder.write("twice.tsv", document_text + "d12\tit rains\n"),
                      both_file  = folder.write("qrels-both", trec + "q1 0 d12 5\nq0 0 d12 0\n");
    p.retrieval.documents        = twice_file.c_str();
    p.retrieval.relevance        = both_file.c_str();
    p.unique                     = true;
    const eval_ptr merged        = evaluate(session, p);
    const std::string once_file  = folder.write("qrels-once", [&] {
        std::string text = trec;
        return text.replace(text.find("q1 0 d1 1"), 9, "q1 0 d1 5");
    }());
    p.retrieval.documents = document_file.c_str();
    p.retrieval.relevance = once_file.c_str();
    CHECK(figure(merged, "ndcg@10.bidirectional.mean").value == figure(evaluate(session, p), "ndcg@10.bidirectional.mean").value);
    p.unique              = false;
    p.retrieval.relevance = trec_file.c_str();

    const std::string tsv_file = folder.write("qrels.tsv", tsv);
    p.retrieval.relevance                = tsv_file.c_str();
    CHECK(figure(evaluate(session, p), "ndcg@10.bidirectional.mean").value ==
          figure(result, "ndcg@10.bidirectional.mean").value);
}

TEST_CASE_FIXTURE(work, "probe: learns what a word shows, and only a bidirectional mask shows what follows") {
    // POS: the word itself. Chunk: the word behind it. NER: a coin.
    const char * const words[] = {"ab", "cd", "xyz", "q"};
    std::mt19937       rng(4);
    const auto         write = [&](const std::string & name, int32_t n) {
        std::string text = "-DOCSTART- -X- O O\n\n";
        for (int32_t s = 0; s < n; ++s) {
            std::vector<uint32_t> row(6);
            std::generate(row.begin(), row.end(), [&] { return rng() % 4; });
            for (size_t i = 0; i + 1 < row.size(); ++i) {
                text += std::string(words[row[i]]) + " P" + std::to_string(row[i]) + " C" + std::to_string(row[i + 1]) +
                        " N" + std::to_string(rng() % 2) + "\n";
            }
            text += "\n";
        }
        return folder.write(name, text);
    };
    const std::string  train = write("train", 300), test = write("test", 100);
    magnet_eval_params p = params_of(MAGNET_EVAL_PROBE, test);
    p.probe.train_file         = train.c_str();
    for (const int32_t word : {MAGNET_EVAL_WORD_MEAN, MAGNET_EVAL_WORD_FIRST, MAGNET_EVAL_WORD_LAST}) {
        p.probe.word                = word;
        const eval_ptr result = evaluate(session, p);
        if (word == MAGNET_EVAL_WORD_FIRST) { // the space before the word: it says nothing to a causal mask
            CHECK(figure(result, "accuracy.pos.causal").value < 0.5);
        } else {
            CHECK(figure(result, "accuracy.pos.causal").value > 0.9);
            CHECK(figure(result, "accuracy.pos.bidirectional").value > 0.85);
        }
        CHECK(figure(result, "accuracy.pos.causal").count == 500);
        CHECK(figure(result, "accuracy.chunk.causal").value < 0.35); // a quarter by chance
        CHECK(figure(result, "accuracy.chunk.bidirectional").value >
              figure(result, "accuracy.chunk.causal").value + 0.1);
        CHECK(figure(result, "accuracy.ner.causal").value < 0.62);
        const std::vector<double> correct = series(result, "correct.ner.causal");
        CHECK(correct.size() == 100);
        CHECK(std::accumulate(correct.begin(), correct.end(), 0.0) / 500 ==
              Approx(figure(result, "accuracy.ner.causal").value));
    }
}

TEST_CASE_FIXTURE(work, "probe: the vector before a word has not seen its end, but what stands before it") {
    // POS: the word itself, told by its last letter. Chunk: the word before. NER: a coin.
    std::mt19937 rng(5);
    const auto   write = [&](const std::string & name, int32_t n) {
        std::string text;
        for (int32_t s = 0; s < n; ++s) {
            std::string before = "-";
            for (int32_t i = 0; i < 5; ++i) {
                const std::string word = std::string("k") + char('a' + rng() % 4);
                text += word + " P" + word + " C" + before + " N" + std::to_string(rng() % 2) + "\n";
                before = word;
            }
            text += "\n";
        }
        return folder.write(name, text);
    };
    const std::string  train = write("train", 300), test = write("test", 100);
    magnet_eval_params p = params_of(MAGNET_EVAL_PROBE, test);
    p.probe.train_file         = train.c_str();
    p.probe.word               = MAGNET_EVAL_WORD_PREVIOUS;
    const eval_ptr previous = evaluate(session, p);
    CHECK(figure(previous, "accuracy.pos.causal").value < 0.35); // a quarter by chance
    CHECK(figure(previous, "accuracy.chunk.causal").value > 0.9);
    CHECK(figure(previous, "accuracy.pos.bidirectional").value > figure(previous, "accuracy.pos.causal").value + 0.1);
    p.probe.word = MAGNET_EVAL_WORD_LAST;
    CHECK(figure(evaluate(session, p), "accuracy.pos.causal").value > 0.9);
}

TEST_CASE("eval: gaps that are given are scored, and filled") {
    const model_ptr      model   = load_tiny("qwen2");
    const session_ptr    session = make_session(model);
    const std::string    file    = scratch_path("given.jsonl");
    const int32_t        context = MAGNET_CONTEXT_ORDERED;
    magnet_infill_params how     = magnet_infill_default_params();
    how.context                  = context;
    how.max_tokens               = 4;
    // the model's own filling is the true text of the first row
    nlohmann::json row = nlohmann::json::object();
    for (char name = 'a'; name <= 'z' && row.value("gap", "").find_first_not_of(" \t\r\n") == std::string::npos; ++name) {
        const std::string left = std::string("int ") + name + " =";
        const magnet_part parts[3] = {given(left.c_str()), open_gap(4), given(";\n")};
        magnet_result *   result   = nullptr;
        require_ok(magnet_infill(session.get(), parts, 3, &how, &result));
        const result_ptr owned(result);
        row = {{"left", left}, {"gap", result->spans[0].text}, {"right", ";\n"}};
    }
    write_file(file, row.dump() + "\n" R"({"left": "int b = ", "gap": "something else, and long", "right": ";\n"})" "\n");
    magnet_eval_params p = params_of(MAGNET_EVAL_INFILL, file);
    p.infill.gaps        = MAGNET_EVAL_GAPS_GIVEN;
    p.infill.contexts    = &context;
    p.infill.n_contexts  = 1;
    p.infill.max_tokens  = 4;
    const eval_ptr r     = evaluate(session, p);
    CHECK(figure(r, "exact.ordered").value == 0.5);
    CHECK(figure(r, "exact.ordered").count == 2);
    CHECK(figure(r, "edit.ordered").value >= 0.5);
    CHECK(figure(r, "edit.ordered").value < 0.8);
    CHECK(figure(r, "perplexity.ordered").value > 1.0);

    p.infill.gaps = MAGNET_EVAL_GAPS_SENTENCES;
    check_eval_fails(session, p, MAGNET_STATUS_INVALID_ARGUMENT, {"infill.max_tokens", "GIVEN"});
    p.infill.gaps       = MAGNET_EVAL_GAPS_GIVEN;
    p.infill.max_tokens = 0;
    write_file(file, "{\"left\": \"a\", \"right\": \"b\"}\n");
    check_eval_fails(session, p, MAGNET_STATUS_BAD_FILE, {"given.jsonl:1", "gap"});
}
