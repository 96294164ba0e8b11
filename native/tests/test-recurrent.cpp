// Models whose memory is a state that cannot forget its last tokens: whatever came before in a session, each answer is
// that of a fresh one.
#include "api.h"
#include "gguf_file.h"

#include <cmath>

using namespace magnet::testing;

namespace {

struct recurrent_model {
    const char * name;
    void (*write)(const std::string &);
};
constexpr recurrent_model models[] = {{"mamba", write_mamba}, {"jamba", write_jamba}};

model_ptr load(const recurrent_model & kind) {
    const std::string path = scratch_path(std::string(kind.name) + ".gguf");
    kind.write(path);
    return load_model(path);
}

// Ids and log-probabilities of a greedy continuation.
using answer = std::vector<std::pair<int32_t, float>>;

answer answer_of(const result_ptr & r) {
    answer a;
    for (int32_t s = 0; s < r->n_spans; ++s) {
        for (int32_t k = 0; k < r->spans[s].n_tokens; ++k) {
            a.push_back({r->spans[s].tokens[k].id, r->spans[s].tokens[k].logprob});
        }
    }
    return a;
}

void check_same(const answer & a, const answer & b) {
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].first == b[i].first);
        CHECK(a[i].second == doctest::Approx(b[i].second).epsilon(1e-3));
    }
}

answer ask(const session_ptr & session, const char * prompt) {
    return answer_of(generate(session, prompt, greedy(12)));
}

// Two gaps, plain causal: all that such a model can fill.
answer fill(const session_ptr & session, const char * left, const char * middle) {
    magnet_infill_params p = magnet_infill_default_params();
    p.context              = MAGNET_CONTEXT_LEFT;
    return answer_of(infill(session, {given(left), gap(5), given(middle), gap(4)}, p));
}

} // namespace

TEST_CASE("recurrent: the state makes a difference") {
    for (const recurrent_model & kind : models) {
        INFO(kind.name);
        const model_ptr model = load(kind);
        const answer    a = ask(make_session(model), "'(')*+"), b = ask(make_session(model), "+*)'('+");
        REQUIRE(!a.empty());
        CHECK(a != b); // the last tokens are alike
    }
}

TEST_CASE("recurrent: each answer of a session is that of a fresh one") {
    const char * const prompts[] = {"'('(')*+", "'('(')*+",   "'('(')",  "'('(')*+,+*", "'('(+*)",
                                    "+",        "'('(')*+,+", "'('(')*+"};
    for (const recurrent_model & kind : models) {
        const model_ptr   model   = load(kind);
        const session_ptr session = make_session(model);
        for (size_t i = 0; i < std::size(prompts); ++i) {
            INFO(kind.name, ", prompt ", i);
            check_same(ask(session, prompts[i]), ask(make_session(model), prompts[i]));
        }
        for (const char * middle : {"*+", "*+", "*'", "+"}) {
            INFO(kind.name, ", middle ", middle);
            check_same(fill(session, "'('(')", middle), fill(make_session(model), "'('(')", middle));
        }
        check_same(ask(session, prompts[0]), ask(make_session(model), prompts[0]));
    }
}

TEST_CASE("recurrent: a conversation that goes on is not read again") {
    for (const recurrent_model & kind : models) {
        INFO(kind.name);
        const model_ptr         model   = load(kind);
        const session_ptr       session = make_session(model);
        const magnet_logit_bias no_end  = {0, -INFINITY}; // has no text to go on from
        magnet_generate_params  p       = greedy(6);
        p.sampling.logit_bias           = &no_end;
        p.sampling.n_logit_bias         = 1;
        const result_ptr  first  = generate(session, "'('(')*+", p);
        const std::string longer = "'('(')*+" + std::string(first->spans[0].text) + "('";
        const result_ptr  second = generate(session, longer, p);
        CHECK(second->n_reused_tokens == 8 + 5); // the last token of a text is not encoded
        check_same(answer_of(second), answer_of(generate(make_session(model), longer, p)));
    }
}

TEST_CASE("recurrent: after a call that was stopped, and after adapters were set") {
    for (const recurrent_model & kind : models) {
        INFO(kind.name);
        const model_ptr   model   = load(kind);
        const session_ptr session = make_session(model);
        const answer      fresh   = ask(make_session(model), "'('(')*+");

        magnet_generate_params p = greedy(12);
        p.on_token               = [](const magnet_token_event * event, void *) { return event->index < 3; };
        CHECK(generate(session, "'('(')*+", p)->spans[0].stop == MAGNET_STOP_CANCELLED);
        check_same(ask(session, "'('(')*+"), fresh);
        require_ok(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0));
        check_same(ask(session, "'('(')*+"), fresh);
        require_ok(magnet_session_reset(session.get()));
        check_same(ask(session, "'('(')*+"), fresh);
    }
}

TEST_CASE("recurrent: a gap behind one that was cut follows the text that is left") {
    for (const recurrent_model & kind : models) {
        INFO(kind.name);
        const model_ptr         model   = load(kind);
        const session_ptr       session = make_session(model);
        const magnet_logit_bias no_end  = {0, -INFINITY};
        magnet_infill_params    p       = magnet_infill_default_params();
        p.context                       = MAGNET_CONTEXT_LEFT;
        p.sampling.logit_bias           = &no_end;
        p.sampling.n_logit_bias         = 1;
        const std::vector<magnet_part> parts = {given("'('(')"), open_gap(6), given("*+"), gap(4)};
        const std::string              whole = infill(session, parts, p)->spans[0].text;
        REQUIRE(whole.size() == 6);
        const std::string stop = whole.substr(5);
        const char *      list = stop.c_str();
        const std::string left = whole.substr(0, whole.find(stop));
        p.ends.stop            = &list;
        p.ends.n_stop          = 1;
        for (int i = 0; i < 2; ++i) {
            const result_ptr r = infill(session, parts, p);
            REQUIRE(r->n_spans == 2);
            CHECK(r->spans[0].stop == MAGNET_STOP_STRING);
            CHECK(r->spans[0].text == left);
            p.ends.n_stop           = 0;
            const std::string given_so = "'('(')" + left + "*+";
            const result_ptr  alone    = infill(make_session(model), {given(given_so.c_str()), gap(4)}, p);
            p.ends.n_stop              = 1;
            CHECK(ids(r->spans[1]) == ids(alone->spans[0]));
        }
    }
}

TEST_CASE("recurrent: what such a model cannot do is refused before work begins, and the session goes on") {
    for (const recurrent_model & kind : models) {
        INFO(kind.name);
        const model_ptr                model   = load(kind);
        const session_ptr              session = make_session(model);
        const answer                   fresh   = ask(make_session(model), "'('(')*+");
        const std::vector<magnet_part> parts   = {given("'('(')"), gap(4)};
        magnet_infill_params           p       = magnet_infill_default_params();
        magnet_result *                r       = nullptr;
        p.context                              = MAGNET_CONTEXT_LEFT;
        p.sampling.temperature                 = 1;
        p.candidates.n                         = 3;
        check_same(ask(session, "'('(')*+"), fresh);
        check_fails(magnet_infill(session.get(), parts.data(), 2, &p, &r), MAGNET_STATUS_UNSUPPORTED, {"candidates.n", kind.name});
        for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED}) {
            p.candidates.n = 1;
            p.context      = context;
            check_fails(magnet_infill(session.get(), parts.data(), 2, &p, &r), MAGNET_STATUS_UNSUPPORTED, {kind.name});
        }
        const magnet_text  t = text("'('");
        std::vector<float> vector(1000);
        check_fails(magnet_embed(session.get(), &t, 1, nullptr, vector.data(), vector.size(), nullptr),
                    MAGNET_STATUS_UNSUPPORTED, {kind.name});
        check_same(ask(session, "'('(')*+"), fresh);
    }
}
