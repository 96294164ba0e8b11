// One session, many calls: whatever came before, each answer is that of a fresh session, and what is reused is the
// common prefix.
#include "api.h"
#include "api_reference.h"
#include "gguf_file.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

using namespace magnet::testing;

namespace {

void check_same(const result_ptr & a, const result_ptr & b, double tolerance = repeat_tolerance) {
    REQUIRE(a->n_spans == b->n_spans);
    for (int32_t s = 0; s < a->n_spans; ++s) {
        CHECK(ids(a->spans[s]) == ids(b->spans[s]));
        CHECK(a->spans[s].stop == b->spans[s].stop);
        REQUIRE(a->spans[s].n_tokens == b->spans[s].n_tokens);
        for (int32_t k = 0; k < a->spans[s].n_tokens; ++k) {
            CHECK(std::fabs(a->spans[s].tokens[k].logprob - b->spans[s].tokens[k].logprob) <= tolerance);
        }
    }
}

using cached = std::vector<std::pair<int32_t, int32_t>>; // token, position

// The slots of a template that a causal prefix can consist of.
cached ordered(const model_ptr & model, const std::vector<magnet_part> & parts) {
    int32_t                  n = 0;
    std::vector<magnet_slot> slots(300);
    require_ok(
        magnet_layout(model.get(), parts.data(), (int32_t)parts.size(), MAGNET_CONTEXT_ORDERED, slots.data(), 300, &n));
    cached out;
    for (int32_t i = 0; i < n; ++i) {
        if (slots[i].role == MAGNET_ROLE_ORDERED) {
            out.push_back({slots[i].token, slots[i].pos});
        }
    }
    return out;
}

int32_t common(const cached & a, const cached & b) {
    size_t n = 0;
    while (n < a.size() && n < b.size() && a[n] == b[n]) {
        ++n;
    }
    return (int32_t)n;
}

} // namespace

TEST_CASE("infill again after edits: the same as a fresh session, and only what changed is encoded") {
    for (const char * architecture : {"qwen2", "llama", "gemma2"}) {
        INFO(architecture);
        const model_ptr      model   = load_tiny(architecture);
        const session_ptr    session = make_session(model);
        const auto           bias    = only_letters(architecture);
        magnet_infill_params p       = magnet_infill_default_params();
        p.sampling.logit_bias        = bias.data();
        p.sampling.n_logit_bias      = (int32_t)bias.size();

        const std::vector<magnet_part> edits[] = {
            {given("TOM LOST HIS KEYS"), gap(6), given("AT LAST HE SLEPT")},
            {given("TOM LOST HIS KEYS"), gap(6), given("AT LAST HE SLEPT")},            // again
            {given("TOM LOST HIS KEYS"), gap(6), given("AT LAST HE WOKE UP")},          // to the right
            {given("TOM LOST HIS KEYS"), gap(9), given("AT LAST HE WOKE UP")},          // a longer gap
            {given("TIM LOST HIS KEYS"), gap(9), given("AT LAST HE WOKE UP")},          // to the left
            {given("TIM LOST HIS KEYS AND"), open_gap(9), given("AT LAST HE WOKE UP")}, // typed on
            {given("TIM LOST HIS"), gap(4), given("AND"), gap(5), given("AT LAST")},    // two gaps
            {given("TIM LOST HIS"), gap(4), given("AND"), gap(5), given("AT LAST HE")},
            {given("TIM"), gap(3)},
            {given("TIM LOST HIS KEYS"), gap(6), given("AT LAST HE SLEPT")},
        };
        cached held;
        for (size_t i = 0; i < std::size(edits); ++i) {
            INFO("edit ", i);
            const result_ptr r   = infill(session, edits[i], p);
            const cached     now = ordered(model, edits[i]);
            CHECK(r->n_reused_tokens == common(held, now));
            check_same(r, infill(make_session(model), edits[i], p));
            held = now;
        }
    }
}

TEST_CASE("generate, then infill, then generate: what is causal is shared") {
    const model_ptr      model   = load_tiny("qwen2");
    const session_ptr    session = make_session(model);
    const auto           bias    = only_letters("qwen2");
    magnet_infill_params p       = magnet_infill_default_params();
    p.sampling.logit_bias        = bias.data();
    p.sampling.n_logit_bias      = (int32_t)bias.size();
    const auto g                 = greedy(5);

    const std::vector<magnet_part> parts = {given("THE CAT SAT"), gap(5), given("MAT")};
    generate(session, "THE CAT SAT ON", g);
    const result_ptr filled = infill(session, parts, p);
    CHECK(filled->n_reused_tokens == 10); // all of "THE CAT SAT" but its last token, which predicts the gap
    check_same(filled, infill(make_session(model), parts, p));

    const result_ptr on = generate(session, "THE CAT SAT ON", g);
    CHECK(on->n_reused_tokens == 10);
    check_same(on, generate(make_session(model), "THE CAT SAT ON", g));

    // LEFT: the gap's tokens are causal as well
    p.context             = MAGNET_CONTEXT_LEFT;
    const result_ptr left = infill(session, parts, p);
    CHECK(left->n_reused_tokens == 10);
    const result_ptr more = generate(session, "THE CAT SAT" + std::string(left->spans[0].text) + "MAT", g);
    CHECK(more->n_reused_tokens == 11 + 4); // the last token of a gap is not encoded where nothing needs it
    check_same(more, generate(make_session(model), "THE CAT SAT" + std::string(left->spans[0].text) + "MAT", g));
}

TEST_CASE("hybrid: the context is reused as a whole or not at all") {
    const model_ptr                model   = load_tiny("qwen2");
    const session_ptr              session = make_session(model);
    magnet_infill_params           p       = magnet_infill_default_params();
    const std::vector<magnet_part> parts   = {given("THE CAT SAT"), gap(3), given("MAT"), gap(2)};
    p.context                              = MAGNET_CONTEXT_HYBRID;
    CHECK(infill(session, parts, p)->n_reused_tokens == 0);
    const result_ptr again = infill(session, parts, p);
    CHECK(again->n_reused_tokens == 14);
    check_same(again, infill(make_session(model), parts, p));

    const std::vector<magnet_part> longer = {given("THE CAT SAT"), gap(3), given("MATS"), gap(2)};
    const result_ptr               other  = infill(session, longer, p);
    CHECK(other->n_reused_tokens == 0);
    check_same(other, infill(make_session(model), longer, p));
}

TEST_CASE("without reuse: the same call gives the same bits, whatever came before") {
    for (const char * architecture : {"qwen2", "llama", "gemma2"}) {
        INFO(architecture);
        const model_ptr       model = load_tiny(architecture);
        magnet_session_params sp    = session_params();
        sp.reuse_prefix             = false;
        const session_ptr      session = make_session(model, sp);
        const auto             bias    = only_letters(architecture);
        magnet_generate_params g       = magnet_generate_default_params(); // sampled
        magnet_infill_params   p       = magnet_infill_default_params();
        g.max_tokens                   = 40;
        g.sampling.seed                = 7;
        g.sampling.logit_bias          = bias.data();
        g.sampling.n_logit_bias        = (int32_t)bias.size();
        p.sampling                     = g.sampling;

        const std::vector<magnet_part> parts  = {given("TOM LOST HIS"), gap(4), given("AND"), gap(5), given("AT LAST")};
        const result_ptr               first  = generate(make_session(model, sp), "TOM LOST HIS KEYS", g);
        const std::vector<magnet_part> others[] = {
            {given("TOM LOST HIS"), gap(7), given("AND")}, {given("TOM"), gap(2)}, {given("TOM LOST HIS KEYS"), gap(3)}};
        std::vector<result_ptr> filled;
        for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_LEFT}) {
            p.context = context;
            filled.push_back(infill(make_session(model, sp), parts, p));
        }
        for (const auto & other : others) {
            for (size_t i = 0; i < filled.size(); ++i) {
                p.context = (int32_t)i + MAGNET_CONTEXT_HYBRID;
                infill(session, other, p);
                const result_ptr again = infill(session, parts, p);
                CHECK(again->n_reused_tokens == 0);
                check_same(again, filled[i], 0.0);
                const result_ptr on = generate(session, "TOM LOST HIS KEYS", g);
                CHECK(on->n_reused_tokens == 0);
                check_same(on, first, 0.0);
            }
        }
    }
}

TEST_CASE("adapters: a change forgets the prefix") {
    const model_ptr   model   = load_tiny("qwen2");
    const session_ptr session = make_session(model);
    const std::string path    = scratch_path("reuse-adapter.gguf");
    write_adapter(path, "qwen2", random_lora(dense("qwen2").model().targets(), 4, 1.0f, 5), 4.0f);
    const adapter_ptr adapter = load_adapter(model, path);
    magnet_adapter *  list[]  = {adapter.get()};

    const result_ptr bare = generate(session, "THE CAT", greedy(6));
    require_ok(magnet_session_set_adapters(session.get(), list, nullptr, 1));
    const result_ptr adapted = generate(session, "THE CAT", greedy(6));
    CHECK(adapted->n_reused_tokens == 0);
    CHECK(ids(adapted->spans[0]) != ids(bare->spans[0]));
    const session_ptr fresh = make_session(model);
    require_ok(magnet_session_set_adapters(fresh.get(), list, nullptr, 1));
    check_same(adapted, generate(fresh, "THE CAT", greedy(6)));

    require_ok(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0));
    const result_ptr back = generate(session, "THE CAT", greedy(6));
    CHECK(back->n_reused_tokens == 0);
    check_same(back, bare);
}

TEST_CASE("any sequence of calls: each answer is that of a fresh session") {
    for (const char * architecture : {"qwen2", "gemma2", "llama"}) {
        const model_ptr   model   = load_tiny(architecture);
        const session_ptr session = make_session(model);
        const auto        bias    = only_letters(architecture);
        std::mt19937      random(17);
        const auto        pick = [&](int n) { return (int)(random() % n); };

        // few words, so that prefixes are often shared
        const char * const words[] = {"TOM ", "LOST ", "HIS ", "KEYS ", "AND ", "HE "};
        const auto         phrase  = [&] {
            std::string s;
            for (int n = pick(5); n >= 0; --n) {
                s += words[n == 4 ? 0 : pick(3) + (n < 2 ? 3 : 0)];
            }
            return s;
        };
        const auto stop_at = [](const magnet_token_event * event, void * data) {
            return event->index < *static_cast<const int *>(data);
        };

        for (int step = 0; step < 60; ++step) {
            INFO(architecture, ", step ", step);
            const int                what = pick(10);
            std::vector<std::string> texts;
            for (int i = 0; i < 4; ++i) {
                texts.push_back(phrase());
            }
            std::vector<magnet_part> parts;
            for (int i = 0, n = pick(4) + 1; i < n; ++i) {
                parts.push_back(given(texts[i].c_str()));
                parts.push_back(pick(2) ? gap(pick(6) + 1) : open_gap(pick(6) + 1));
            }
            if (pick(2)) {
                parts.push_back(given(texts[3].c_str()));
            }
            magnet_infill_params p   = magnet_infill_default_params();
            p.sampling.logit_bias    = bias.data();
            p.sampling.n_logit_bias  = (int32_t)bias.size();
            p.context                = pick(4);
            magnet_generate_params g = greedy(pick(8));
            g.sampling.logit_bias    = bias.data();
            g.sampling.n_logit_bias  = (int32_t)bias.size();

            int             last = pick(3);
            magnet_result * none = nullptr;
            switch (what) {
                case 0:
                    require_ok(magnet_session_reset(session.get()));
                    break;
                case 1: { // cancelled in the middle
                    p.on_token = stop_at, p.on_token_user_data = &last;
                    g.on_token = stop_at, g.on_token_user_data = &last;
                    infill(session, parts, p);
                    generate(session, texts[0], g);
                    break;
                }
                case 2: { // fails
                    parts.push_back(gap(INT32_MAX));
                    check_fails(magnet_infill(session.get(), parts.data(), (int32_t)parts.size(), &p, &none),
                                MAGNET_STATUS_TOO_LONG);
                    break;
                }
                case 3:
                case 4:
                case 5:
                    check_same(generate(session, texts[0], g), generate(make_session(model), texts[0], g));
                    break;
                default:
                    check_same(infill(session, parts, p), infill(make_session(model), parts, p));
            }
        }
    }
}

// docs/mask.md says what a keystroke costs.
TEST_CASE("infill: what an edit makes a session read again") {
    const model_ptr model = load_tiny("qwen2"); // a byte is a token
    const auto      bias  = only_letters("qwen2");
    struct expected {
        int32_t context, typed, edited;
    };
    // of 4 tokens left and 6 right, reused once a letter is typed before the gap, or the right side's fourth is another one
    for (const expected & e : {expected{MAGNET_CONTEXT_LEFT, 4, 3}, {MAGNET_CONTEXT_ORDERED, 3, 3 + 3}, {MAGNET_CONTEXT_HYBRID, 0, 0}}) {
        INFO("context ", e.context);
        const session_ptr    session = make_session(model);
        magnet_infill_params p       = magnet_infill_default_params();
        p.context                    = e.context;
        p.max_tokens                 = 3;
        p.sampling.logit_bias        = bias.data();
        p.sampling.n_logit_bias      = (int32_t)bias.size();
        infill(session, {given("ABCD"), open_gap(0), given("UVWXYZ")}, p);
        CHECK(infill(session, {given("ABCDE"), open_gap(0), given("UVWXYZ")}, p)->n_reused_tokens == e.typed);
        infill(session, {given("ABCD"), open_gap(0), given("UVWXYZ")}, p);
        CHECK(infill(session, {given("ABCD"), open_gap(0), given("UVWQYZ")}, p)->n_reused_tokens == e.edited);
    }
}
