// Tokens on their way to text: stop strings across token borders, pieces that are whole characters, grammars.
#include "api.h"
#include "api_reference.h"

#include <algorithm>
#include <regex>

using namespace magnet::testing;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

// tiny-qwen2: byte b is the token 4 + b.
struct allowed {
    std::vector<magnet_logit_bias> bias;
    explicit allowed(const std::vector<int32_t> & tokens) {
        for (int32_t token = 0; token < 264; ++token) {
            if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) {
                bias.push_back({token, -inf});
            }
        }
    }
    void to(magnet_generate_params & p) const {
        p.sampling.logit_bias   = bias.data();
        p.sampling.n_logit_bias = (int32_t)bias.size();
    }
};

struct events {
    std::string              text;
    std::vector<int32_t>     ids, indices, parts;
    std::vector<std::string> pieces;
    std::vector<float>       logprobs;
};

const magnet_token_callback record = [](const magnet_token_event * event, void * data) {
    auto & e = *static_cast<events *>(data);
    e.pieces.emplace_back(event->text, event->text_size);
    e.text += e.pieces.back();
    e.ids.push_back(event->id);
    e.indices.push_back(event->index);
    e.parts.push_back(event->part);
    e.logprobs.push_back(event->logprob);
    return true;
};

bool is_utf8(const model_ptr & model, const std::string & s) {
    int32_t n = 0;
    return magnet_tokenize(model.get(), text(s), false, false, nullptr, 0, &n) == MAGNET_STATUS_OK;
}

} // namespace

TEST_CASE("streaming: an event a token, and the pieces are the text") {
    const model_ptr        model   = load_tiny("qwen2");
    const session_ptr      session = make_session(model);
    events                 e;
    const allowed          letters({4 + 'a', 4 + 'b', 4 + 'c', 260, 261, 262, 263});
    magnet_generate_params p = greedy(20);
    letters.to(p);
    p.on_token           = record;
    p.on_token_user_data = &e;
    const result_ptr r   = generate(session, "one", p);
    CHECK(e.text == r->spans[0].text);
    CHECK(e.ids == ids(r->spans[0]));
    for (int32_t i = 0; i < 20; ++i) {
        const magnet_token & token = r->spans[0].tokens[i];
        CHECK(e.indices[i] == i);
        CHECK(e.parts[i] == 0);
        CHECK(e.logprobs[i] == token.logprob);
        CHECK(e.pieces[i] == token_bytes(model, token.id));
        CHECK(e.text.compare(token.text_offset, e.pieces[i].size(), e.pieces[i]) == 0);
    }
}

TEST_CASE("streaming: random bytes become valid UTF-8, piece by piece") {
    const model_ptr   model   = load_tiny("qwen2");
    const session_ptr session = make_session(model);
    for (int64_t seed = 0; seed < 40; ++seed) {
        events                 e;
        magnet_generate_params p = greedy(40);
        p.sampling.temperature   = 2.0f;
        p.sampling.seed          = seed;
        p.on_token               = record;
        p.on_token_user_data     = &e;
        const result_ptr r       = generate(session, "x", p);
        CHECK(e.text == std::string(r->spans[0].text, r->spans[0].text_size)); // a NUL may be among the bytes
        for (const std::string & piece : e.pieces) {
            CHECK(is_utf8(model, piece));
        }
        int32_t                    n      = 0;
        const std::vector<int32_t> tokens = ids(r->spans[0]);
        std::string                whole(1000, '?');
        require_ok(magnet_detokenize(model.get(), tokens.data(), 40, false, whole.data(), 1000, &n));
        CHECK(e.text == whole.substr(0, n));
    }
}

TEST_CASE("streaming: characters whose bytes are tokens of their own") {
    const model_ptr        model   = load_tiny("qwen2");
    const session_ptr      session = make_session(model);
    const std::string      emoji   = "\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xACx"; // 😀é€x: ten tokens
    const std::string      grammar = "root ::= \"" + emoji + "\"";
    events                 e;
    magnet_generate_params p = greedy(20);
    p.sampling.grammar       = grammar.c_str();
    p.on_token               = record;
    p.on_token_user_data     = &e;
    const result_ptr r       = generate(session, "x", p);
    CHECK(r->spans[0].text == emoji);
    CHECK(r->spans[0].n_tokens == 10);
    CHECK(r->spans[0].stop == MAGNET_STOP_GRAMMAR);
    CHECK(e.pieces ==
          std::vector<std::string>{"", "", "", "\xF0\x9F\x98\x80", "", "\xC3\xA9", "", "", "\xE2\x82\xAC", "x"});

    // cut off in the middle of a character
    e            = {};
    p.max_tokens = 3;
    CHECK(generate(session, "x", p)->spans[0].text == std::string("\xEF\xBF\xBD"));
    CHECK(e.text == "\xEF\xBF\xBD");
    CHECK(e.indices == std::vector<int32_t>{0, 1, 2, 2}); // the last one brings what no further token completes
}

TEST_CASE("stop strings: the text ends before the first one, wherever the tokens' borders are") {
    const model_ptr   model   = load_tiny("qwen2");
    const session_ptr session = make_session(model);
    const allowed     letters({4 + 'a', 4 + 'b', 260, 261, 262, 263}); // a, b, he, the, " the", in

    int n_stopped = 0;
    for (int64_t seed = 0; seed < 6; ++seed) {
        magnet_generate_params p = greedy(24);
        letters.to(p);
        p.sampling.temperature  = 1.0f;
        p.sampling.seed         = seed;
        const result_ptr  free  = generate(session, "x", p);
        const std::string whole = free->spans[0].text;

        // every piece of the text of up to five bytes is a stop string once, beside one that is elsewhere and one that
        // is not
        for (size_t begin = 0; begin < whole.size(); begin += 3) {
            for (size_t n = 1; n <= 5 && begin + n <= whole.size(); ++n) {
                const std::string               stop = whole.substr(begin, n), other = whole.substr(whole.size() - 2);
                const std::vector<const char *> stops = {"zzz", stop.c_str(), other.c_str()};
                events                          e;
                magnet_generate_params          q = p;
                q.stop                            = stops.data();
                q.n_stop                          = 3;
                q.on_token                        = record;
                q.on_token_user_data              = &e;
                const result_ptr    r             = generate(session, "x", q);
                const magnet_span & span          = r->spans[0];
                INFO("text \"", whole, "\", stop \"", stop, "\" and \"", other, "\"");

                // by token: the first after which one of them is in the text
                size_t      cut = std::string::npos, n_seen = 0;
                std::string so_far;
                while (cut == std::string::npos) {
                    so_far += token_bytes(model, free->spans[0].tokens[n_seen++].id);
                    cut = std::min(so_far.find(stop), so_far.find(other));
                }
                CHECK(span.text == whole.substr(0, cut));
                CHECK(span.stop == MAGNET_STOP_STRING);
                CHECK(r->n_generated_tokens == (int32_t)n_seen);
                CHECK(e.text == span.text);
                n_stopped += span.n_tokens > 0;

                // the tokens are those that begin before it
                CHECK(span.n_tokens <= (int32_t)n_seen);
                for (int32_t i = 0; i < span.n_tokens; ++i) {
                    CHECK(span.tokens[i].id == free->spans[0].tokens[i].id);
                    CHECK(span.tokens[i].text_offset < (int32_t)cut);
                }
                CHECK((span.n_tokens == (int32_t)n_seen ||
                       free->spans[0].tokens[span.n_tokens].text_offset >= (int32_t)cut));
                for (const int32_t index : e.indices) {
                    CHECK((index >= 0 && index < (int32_t)n_seen));
                }
            }
        }
    }
    CHECK(n_stopped > 100);
}

TEST_CASE("stop strings: what looked like one and was none is told in the end") {
    const model_ptr        model   = load_tiny("qwen2");
    const session_ptr      session = make_session(model);
    const std::string      grammar = "root ::= \"ababab\"";
    const char * const     stop    = "ababac";
    events                 e;
    magnet_generate_params p = greedy(10);
    p.sampling.grammar       = grammar.c_str();
    p.stop                   = &stop;
    p.n_stop                 = 1;
    p.on_token               = record;
    p.on_token_user_data     = &e;
    const result_ptr r       = generate(session, "x", p);
    CHECK(r->spans[0].text == std::string("ababab"));
    CHECK(e.text == "ababab");
    CHECK(r->spans[0].stop == MAGNET_STOP_GRAMMAR);
}

TEST_CASE("grammar: the text matches it, at any temperature") {
    const model_ptr   model   = load_tiny("qwen2");
    const session_ptr session = make_session(model);

    struct pair {
        const char * grammar;
        const char * root;
        const char * regex;
    };
    for (const pair & g :
         {pair{"root ::= [a-c]{5}", nullptr, "[a-c]{5}"}, pair{"root ::= \"yes\" | \"no\"", nullptr, "yes|no"},
          pair{"root ::= \"{\" pair (\",\" pair)? \"}\"\npair ::= [a-z]{1,3} \":\" number\nnumber ::= [1-9] "
               "[0-9]{0,2}",
               nullptr, "\\{[a-z]{1,3}:[1-9][0-9]{0,2}(,[a-z]{1,3}:[1-9][0-9]{0,2})?\\}"},
          pair{"root ::= \"a\"\nstart ::= \"the\" \" the\" [x-z]", "start", "the the[x-z]"}}) {
        for (int64_t seed = 0; seed < 8; ++seed) {
            INFO(g.grammar, ", seed ", seed);
            magnet_generate_params p = greedy(40);
            p.ignore_eos             = seed % 2;
            p.sampling.temperature   = seed == 0 ? 0.0f : 1.0f;
            p.sampling.seed          = seed;
            p.sampling.grammar       = g.grammar;
            p.sampling.grammar_root  = g.root;
            const result_ptr r       = generate(session, "x", p);
            CHECK(r->spans[0].stop == MAGNET_STOP_GRAMMAR);
            CHECK(std::regex_match(r->spans[0].text, std::regex(g.regex)));
        }
    }
}

TEST_CASE("grammar: greedy takes the best token that it allows") {
    const model_ptr      model   = load_tiny("qwen2");
    const session_ptr    session = make_session(model);
    const dense          truth("qwen2");
    std::vector<int32_t> tokens = tokenize(model, "Once upon");
    std::string          expected;
    for (int i = 0; i < 6; ++i) {
        const std::vector<double> logits = truth.next_logits(tokens);
        int32_t                   best   = 4 + 'm';
        for (int32_t id = 4 + 'm'; id <= 4 + 'z'; ++id) {
            best = logits[id] > logits[best] ? id : best;
        }
        tokens.push_back(best);
        expected += (char)(best - 4);
    }
    magnet_generate_params p = greedy(40);
    p.sampling.grammar       = "root ::= [m-z]{6}";
    CHECK(generate(session, "Once upon", p)->spans[0].text == expected);
}

TEST_CASE("grammar: in a gap, where it ends it") {
    const model_ptr      model   = load_tiny("qwen2");
    const session_ptr    session = make_session(model);
    magnet_infill_params p       = magnet_infill_default_params();
    p.sampling.grammar           = "root ::= [a-c] [x-z]";
    const result_ptr open        = infill(session, {given("A"), open_gap(9), given("B")}, p);
    CHECK(std::regex_match(open->spans[0].text, std::regex("[a-c][x-z]")));
    CHECK(open->spans[0].stop == MAGNET_STOP_GRAMMAR);
    const result_ptr exact = infill(session, {given("A"), gap(9), given("B")}, p);
    CHECK(exact->spans[0].n_tokens == 2); // nothing else is allowed
    CHECK(exact->spans[0].stop == MAGNET_STOP_GRAMMAR);
}

TEST_CASE("grammar: every gap matches it by itself") {
    const model_ptr      model   = load_tiny("qwen2");
    const session_ptr    session = make_session(model);
    magnet_infill_params p       = magnet_infill_default_params();
    p.sampling.grammar           = "root ::= [a-c] [x-z]";
    const result_ptr r           = infill(session, {given("A"), gap(2), given("B"), open_gap(5)}, p);
    for (int32_t i = 0; i < 2; ++i) {
        CHECK(std::regex_match(r->spans[i].text, std::regex("[a-c][x-z]")));
    }
}
