// Infilling against a dense double-precision pass over the filled template, and against magnet_score.
#include "api.h"
#include "api_reference.h"
#include "gguf_file.h"
#include "model/recipe.h"

#include <algorithm>
#include <cmath>

using namespace magnet::testing;

namespace {

const int32_t contexts[] = {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_LEFT};

struct named_template {
    const char *             name;
    std::vector<magnet_part> parts;
};

// An adapter of rank 1 for tiny-qwen2 that changes nothing but the recipe, which edit sets. Returns its matrices.
size_t write_recipe_alone(const std::string & path, const std::function<void(gguf_context *)> & edit) {
    const dense      truth("qwen2");
    magnet::lora_set none = random_lora(truth.model().targets(), 1, 1.0f, 1);
    for (magnet::lora_matrix & m : none.matrices) {
        std::fill(m.b.begin(), m.b.end(), 0.0f);
    }
    write_adapter(path, "qwen2", none, 1.0f, edit);
    return none.matrices.size();
}

const named_template templates[] = {
    {"one gap", {given("TOM LOST HIS KEYS"), gap(6), given("AT LAST HE SLEPT")}},
    {"a gap at the start", {gap(4), given("AND THEN IT RAINED")}},
    {"a gap at the end", {given("ONCE UPON A TIME"), gap(5)}},
    {"nothing but a gap", {gap(5)}},
    {"adjacent gaps", {given("THE SUN"), gap(3), gap(4), given("THE MOON")}},
    {"three gaps", {given("A DOG"), gap(3), given("SAW"), open_gap(7), given("AND RAN"), gap(2), given("HOME")}},
    {"gaps and empty texts", {given("OUT"), given(""), gap(2), given(""), given("IN"), gap(3), given("")}},
    {"gaps at both ends", {open_gap(4), given("MIDDLE"), open_gap(4)}},
};

std::vector<magnet_slot> layout(const model_ptr & model, const std::vector<magnet_part> & parts, int32_t context) {
    int32_t n = 0;
    require_ok(magnet_layout(model.get(), parts.data(), (int32_t)parts.size(), context, nullptr, 0, &n));
    std::vector<magnet_slot> slots(n);
    require_ok(magnet_layout(model.get(), parts.data(), (int32_t)parts.size(), context, slots.data(), n, &n));
    return slots;
}

magnet_infill_params letters(const std::vector<magnet_logit_bias> & bias, int32_t context) {
    magnet_infill_params p  = magnet_infill_default_params();
    p.sampling.logit_bias   = bias.data();
    p.sampling.n_logit_bias = (int32_t)bias.size();
    p.context               = context;
    return p;
}

// The template with its gaps filled, as a row for the dense model. LEFT: everything follows at once, causal.
struct filled_row {
    std::vector<int32_t> tokens, pos;
    std::vector<int8_t>  roles;
    std::vector<int32_t> first; // of each span: index of its first token

    filled_row(const std::vector<magnet_slot> & slots, const magnet_result & r, bool left) {
        for (size_t i = 0; i < slots.size();) {
            if (slots[i].token >= 0) {
                push(slots[i].token, left ? (int32_t)tokens.size() : slots[i].pos, slots[i].role);
                ++i;
                continue;
            }
            const magnet_span & span = r.spans[first.size()];
            first.push_back((int32_t)tokens.size());
            for (int32_t k = 0; k < span.n_tokens; ++k) {
                push(span.tokens[k].id, left ? (int32_t)tokens.size() : slots[i].pos + k, MAGNET_ROLE_SPAN);
            }
            for (const int32_t part = slots[i].part; i < slots.size() && slots[i].part == part;) {
                ++i;
            }
        }
    }

    void push(int32_t token, int32_t p, int32_t role) {
        tokens.push_back(token);
        pos.push_back(p);
        roles.push_back((int8_t)role);
    }
};

} // namespace

TEST_CASE("infill: log-probabilities of a dense pass over the filled template") {
    for (const char * architecture : architectures) {
        const model_ptr model = load_model(architecture_path(architecture));
        const dense     truth(architecture);
        const auto      bias  = only_letters(architecture);
        double          worst = 0.0, causal = 0.0;
        for (const int32_t way : {0, 1, 2}) { // llama.cpp's graph without flash attention, and with it; the fused engine
            magnet_session_params sp = session_params();
            sp.flash_attention       = way == 1;
            sp.engine                = way == 2 ? MAGNET_ENGINE_FUSED : MAGNET_ENGINE_GRAPH;
            if (way == 2 && !info_of(model).fused_engine) {
                continue;
            }
            // the fused engine's products are of bf16, and random weights forgive nothing
            const double      most    = way == 2 ? 0.3 : tolerance;
            const session_ptr session = make_session(model, sp);
            for (const int32_t context : contexts) {
                for (const named_template & t : templates) {
                    INFO(architecture, ", way ", way, ", context ", context, ", ", t.name);
                    const result_ptr               r     = infill(session, t.parts, letters(bias, context));
                    const std::vector<magnet_slot> slots = layout(model, t.parts, context);
                    const filled_row               row(slots, *r, context == MAGNET_CONTEXT_LEFT);
                    REQUIRE(row.first.size() == (size_t)r->n_spans);

                    magnet::engine_row in;
                    in.tokens                        = row.tokens.data();
                    in.pos                           = row.pos.data();
                    in.roles                         = row.roles.data();
                    in.n_tokens                      = (int32_t)row.tokens.size();
                    const std::vector<double> hidden = truth.model().hidden(in);
                    in.roles                         = nullptr;
                    const std::vector<double> blind  = truth.model().hidden(in); // to what is right of a gap
                    for (int32_t s = 0; s < r->n_spans; ++s) {
                        const magnet_span & span = r->spans[s];
                        for (int32_t k = 0; k < span.n_tokens; ++k) {
                            const auto expected = log_softmax(truth.logits_at(hidden, row.first[s] + k - 1));
                            const auto without  = log_softmax(truth.logits_at(blind, row.first[s] + k - 1));
                            const auto off      = [&](const std::vector<double> & p) {
                                return std::fabs(p[span.tokens[k].id] - span.tokens[k].logprob);
                            };
                            CHECK(off(expected) < most);
                            worst  = std::max(worst, way == 2 ? 0.0 : off(expected));
                            causal = std::max(causal, off(without));

                            // no other letter is likelier, save for what the cache's half floats make of a near tie
                            for (int32_t id = 0; id < truth.model().n_vocab(); ++id) {
                                const bool banned =
                                    std::any_of(bias.begin(), bias.end(),
                                                [&](const magnet_logit_bias & b) { return b.token == id; });
                                CHECK((banned || expected[id] < expected[span.tokens[k].id] + 2 * most));
                            }
                        }
                    }
                }
            }
        }
        CHECK(worst < tolerance);
        CHECK(causal > 0.5); // what is compared shows a mask that is wrong
        MESSAGE(architecture, ": largest difference of a log-probability ", worst, ", with a causal mask ", causal);
    }
}

TEST_CASE("infill: the very numbers that magnet_score gives for the filled template") {
    for (const char * architecture : architectures) {
        const model_ptr       model = load_model(architecture_path(architecture));
        const auto            bias  = only_letters(architecture);
        magnet_session_params sp    = session_params();
        sp.engine                   = MAGNET_ENGINE_GRAPH;
        sp.flash_attention          = 0;
        const session_ptr session   = make_session(model, sp);
        double            worst     = 0.0;
        for (const int32_t context : contexts) {
            for (const named_template & t : templates) {
                INFO(architecture, ", context ", context, ", ", t.name);
                if (architecture == std::string("llama") && t.parts[0].type == MAGNET_PART_GAP) {
                    continue; // SentencePiece reads a text at the start with a space in front, a gap has none
                }
                const result_ptr         r     = infill(session, t.parts, letters(bias, context));
                std::vector<magnet_part> parts = t.parts;
                int32_t                  span  = 0;
                for (size_t i = 0; i < parts.size(); ++i) {
                    if (parts[i].type == MAGNET_PART_GAP) {
                        parts[i].text = text(r->spans[span].text);
                        CHECK(r->spans[span].part == (int32_t)i);
                        ++span;
                    }
                }
                REQUIRE(span == r->n_spans);
                magnet_score_params p   = magnet_score_default_params();
                p.context               = context;
                const result_ptr scored = score(session, parts, p);
                REQUIRE(scored->n_spans == span);
                for (int32_t s = 0; s < span; ++s) {
                    CHECK(scored->spans[s].part == r->spans[s].part);
                    CHECK(scored->spans[s].stop == MAGNET_STOP_NONE);
                    CHECK(scored->spans[s].text == std::string(r->spans[s].text));
                    REQUIRE(ids(scored->spans[s]) == ids(r->spans[s]));
                    double sum = 0.0;
                    for (int32_t k = 0; k < r->spans[s].n_tokens; ++k) {
                        sum += scored->spans[s].tokens[k].logprob;
                        worst = std::max<double>(
                            worst, std::fabs(scored->spans[s].tokens[k].logprob - r->spans[s].tokens[k].logprob));
                    }
                    CHECK(scored->spans[s].logprob == doctest::Approx(sum));
                }
            }
        }
        CHECK(worst < tolerance);
        MESSAGE(architecture, ": largest difference of a log-probability ", worst);
    }
}

TEST_CASE("infill: an exact gap has its length and never ends early, an open one ends when the model says so") {
    const model_ptr         model   = load_tiny("qwen2");
    const session_ptr       session = make_session(model);
    const dense             truth("qwen2");
    const int32_t           eos  = info_of(model).token_eos;
    const magnet_logit_bias bias = {eos, 1e6f}; // the model's wish is to end
    for (const int32_t context : contexts) {
        magnet_infill_params p  = magnet_infill_default_params();
        p.context               = context;
        p.sampling.logit_bias   = &bias;
        p.sampling.n_logit_bias = 1;
        for (const int32_t n : {1, 2, 17}) {
            const result_ptr r = infill(session, {given("THE CAT"), gap(n), given("MAT")}, p);
            CHECK(r->spans[0].n_tokens == n);
            CHECK(r->spans[0].stop == MAGNET_STOP_LENGTH);
            const auto tokens = ids(r->spans[0]);
            CHECK(std::count(tokens.begin(), tokens.end(), eos) == 0);
        }

        const std::vector<magnet_part> parts = {given("THE CAT"), open_gap(9), given("MAT")};
        const result_ptr               r     = infill(session, parts, p);
        CHECK(r->spans[0].n_tokens == 1); // never empty
        CHECK(r->spans[0].tokens[0].id != eos);
        CHECK(r->spans[0].stop == MAGNET_STOP_END);
        const filled_row   row(layout(model, parts, context), *r, context == MAGNET_CONTEXT_LEFT);
        magnet::engine_row in;
        in.tokens           = row.tokens.data();
        in.pos              = row.pos.data();
        in.roles            = row.roles.data();
        in.n_tokens         = (int32_t)row.tokens.size();
        const auto expected = log_softmax(truth.logits_at(truth.model().hidden(in), row.first[0]));
        CHECK(r->spans[0].stop_logprob == doctest::Approx(expected[eos]).epsilon(tolerance));
    }
}

TEST_CASE("infill: a gap of an exact length that is more than its maximum is refused") {
    const model_ptr        model   = load_tiny("qwen2");
    const session_ptr      session = make_session(model);
    magnet_part            parts[] = {given("A"), gap(5), given("B")};
    parts[1].max_length            = 4;
    magnet_result * r              = nullptr;
    check_fails(magnet_infill(session.get(), parts, 3, nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                {"part 1", "exactly 5", "at most 4", "one of the two"});
}

TEST_CASE("infill: an open gap that names no maximum has that of the call") {
    const model_ptr      model = load_tiny("qwen2");
    const auto           bias  = only_letters("qwen2");
    magnet_infill_params p     = letters(bias, MAGNET_CONTEXT_ORDERED);
    p.max_tokens               = 5;
    const result_ptr r = infill(make_session(model), {given("A"), open_gap(0), given("B"), open_gap(3), given("C")}, p);
    CHECK(r->spans[0].n_tokens == 5);
    CHECK(r->spans[1].n_tokens == 3);
    CHECK(r->spans[1].stop == MAGNET_STOP_LENGTH);
    CHECK(r->n_generated_tokens == 8);
    CHECK(r->n_prompt_tokens == 3);
}

TEST_CASE("infill: the adapter's END token ends an open gap, and its recipe names the context") {
    const std::string path  = scratch_path("end.gguf");
    const model_ptr   model = load_tiny("qwen2");
    const std::vector<magnet_part> parts   = {given("THE CAT"), open_gap(12), given("MAT")};
    const auto                     bias    = only_letters("qwen2");
    const session_ptr              session = make_session(model);
    const std::vector<int32_t>     free = ids(infill(session, parts, letters(bias, MAGNET_CONTEXT_HYBRID))->spans[0]);
    REQUIRE(free.size() == 12);
    const size_t end =
        std::find_if(free.begin() + 1, free.end(), [&](int32_t id) { return id != free[0]; }) - free.begin();
    REQUIRE(end < free.size());

    const size_t n_matrices = write_recipe_alone(path, [&](gguf_context * gguf) {
        magnet::write_recipe(magnet::recipe(), gguf);
        gguf_set_val_str(gguf, "magnet.infill.context", "hybrid");
        gguf_set_val_i32(gguf, "magnet.token.end", free[end]);
    });
    const adapter_ptr   adapter = load_adapter(model, path);
    magnet_adapter_info info    = {};
    require_ok(magnet_adapter_get_info(adapter.get(), &info));
    CHECK(info.recipe_version == 1);
    CHECK(info.context == MAGNET_CONTEXT_HYBRID);
    CHECK(info.token_end == free[end]);
    CHECK(info.rank == 1);
    CHECK(info.n_matrices == (int32_t)n_matrices);

    magnet_adapter * list[] = {adapter.get()};
    require_ok(magnet_session_set_adapters(session.get(), list, nullptr, 1));
    const result_ptr open = infill(session, parts, letters(bias, MAGNET_CONTEXT_DEFAULT));
    CHECK(ids(open->spans[0]) == std::vector<int32_t>(free.begin(), free.begin() + end));
    CHECK(open->spans[0].stop == MAGNET_STOP_END);
    const result_ptr exact =
        infill(session, {given("THE CAT"), gap(12), given("MAT")}, letters(bias, MAGNET_CONTEXT_DEFAULT));
    const auto tokens = ids(exact->spans[0]);
    CHECK(tokens.size() == 12);
    CHECK(std::count(tokens.begin(), tokens.end(), free[end]) == 0);
}

TEST_CASE("infill: an open gap takes the room that it had in the adapter's training, and an exact one its length") {
    const std::string path  = scratch_path("room.gguf");
    const model_ptr   model = load_tiny("qwen2");
    write_recipe_alone(path, [&](gguf_context * gguf) {
        magnet::write_recipe(magnet::recipe(), gguf);
        gguf_set_val_i32(gguf, "magnet.infill.open_room", 20);
    });
    const adapter_ptr   adapter = load_adapter(model, path);
    magnet_adapter_info info    = {};
    require_ok(magnet_adapter_get_info(adapter.get(), &info));
    CHECK(info.open_room == 20);
    const session_ptr bare = make_session(model), with = make_session(model);
    magnet_adapter *  list[] = {adapter.get()};
    require_ok(magnet_session_set_adapters(with.get(), list, nullptr, 1));

    const auto logprobs = [&](const session_ptr & session, const magnet_part & g, int32_t context) {
        const auto       bias = only_letters("qwen2");
        const result_ptr r    = infill(session, {given("THE CAT"), g, given("MAT")}, letters(bias, context));
        std::vector<float> out;
        for (int32_t k = 0; k < 3; ++k) {
            out.push_back(r->spans[0].tokens[k].logprob);
        }
        return out;
    };
    for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED}) {
        CAPTURE(context);
        // the same distances, made without a recipe
        CHECK(logprobs(with, open_gap(3), context) == logprobs(bare, open_gap(20), context));
        CHECK(logprobs(with, open_gap(30), context) == logprobs(bare, open_gap(30), context));
        CHECK(logprobs(with, gap(3), context) == logprobs(bare, gap(3), context));
        CHECK(logprobs(with, open_gap(3), context) != logprobs(with, gap(3), context));

        magnet_score_params how = magnet_score_default_params();
        how.context             = context;
        const auto scored       = [&](const session_ptr & session, const magnet_part & g) {
            return score(session, {given("THE CAT"), g, given("MAT")}, how)->spans[0].tokens[0].logprob;
        };
        CHECK(scored(with, filled("ON", 0, 3)) == scored(bare, filled("ON", 20)));
        CHECK(scored(with, filled("ON")) == scored(bare, filled("ON")));
        CHECK(scored(with, filled("ON", 3)) == scored(bare, filled("ON", 3)));
    }
}

TEST_CASE("a merged model goes by the recipe that was merged into it") {
    const std::string path = scratch_path("parts.gguf"), merged = scratch_path("merged.gguf");
    const model_ptr   base = load_tiny("qwen2");
    const dense       truth("qwen2");
    write_adapter(path, "qwen2", random_lora(truth.model().targets(), 2, 1.0f, 3), 2.0f, [&](gguf_context * gguf) {
        magnet::write_recipe(magnet::recipe(), gguf);
        gguf_set_val_str(gguf, "magnet.instruction", "FIND ");
        gguf_set_val_str(gguf, "magnet.pooling", "last");
        gguf_set_val_str(gguf, "magnet.attention", "causal");
        gguf_set_val_str(gguf, "magnet.infill.context", "hybrid");
        gguf_set_val_i32(gguf, "magnet.infill.open_room", 20);
    });
    require_ok(magnet_merge(golden("tiny-qwen2.gguf").c_str(), path.c_str(), 1.0f, MAGNET_MERGE_F32, merged.c_str()));
    const adapter_ptr adapter = load_adapter(base, path);
    const session_ptr two = make_session(base), one = make_session(load_model(merged));
    magnet_adapter *  list[] = {adapter.get()};
    require_ok(magnet_session_set_adapters(two.get(), list, nullptr, 1));

    const auto vector = [](const session_ptr & session) {
        const magnet_text  t = text("THE CAT");
        std::vector<float> out(32);
        require_ok(magnet_embed(session.get(), &t, 1, nullptr, out.data(), 32, nullptr));
        return out;
    };
    const std::vector<float> a = vector(one), b = vector(two);
    for (size_t i = 0; i < a.size(); ++i) {
        CHECK(std::fabs(a[i] - b[i]) < 5e-3f);
    }
    const auto first = [](const session_ptr & session) {
        const auto       bias = only_letters("qwen2");
        const result_ptr r =
            infill(session, {given("THE CAT"), open_gap(3), given("MAT")}, letters(bias, MAGNET_CONTEXT_DEFAULT));
        return r->spans[0].tokens[0].logprob;
    };
    CHECK(first(one) == doctest::Approx(first(two)).epsilon(5e-3));
}

TEST_CASE("infill: events name the gap and the token") {
    const model_ptr model = load_tiny("qwen2");
    const auto      bias  = only_letters("qwen2");
    struct event {
        int32_t     part, index, id;
        std::string text;
    };
    std::vector<event>   events;
    magnet_infill_params p = letters(bias, MAGNET_CONTEXT_ORDERED);
    p.top                = 3;
    p.on_token_user_data   = &events;
    p.on_token             = [](const magnet_token_event * e, void * data) {
        static_cast<std::vector<event> *>(data)->push_back({e->part, e->index, e->id, {e->text, (size_t)e->text_size}});
        return true;
    };
    const result_ptr r = infill(make_session(model), {given("A"), gap(3), given("B"), open_gap(4)}, p);
    size_t           n = 0;
    for (int32_t s = 0; s < 2; ++s) {
        std::string whole;
        for (int32_t k = 0; k < r->spans[s].n_tokens; ++k, ++n) {
            REQUIRE(n < events.size());
            CHECK(events[n].part == (s == 0 ? 1 : 3));
            CHECK(events[n].index == k);
            CHECK(events[n].id == r->spans[s].tokens[k].id);
            CHECK(r->spans[s].tokens[k].n_top == 3);
            whole += events[n].text;
        }
        CHECK(whole == r->spans[s].text);
    }
    CHECK(n == events.size());
}

TEST_CASE("infill, score: texts and spans are the whole text, with a space before the gap or without") {
    for (const char * architecture : {"gpt2", "llama"}) { // byte-level BPE; SentencePiece, where the space is U+2581
        const session_ptr    session = make_session(load_tiny(architecture));
        magnet_infill_params p       = magnet_infill_default_params();
        p.sampling.grammar           = "root ::= \" \" [A-Z]*";
        std::string streamed;
        p.on_token_user_data = &streamed;
        p.on_token           = [](const magnet_token_event * e, void * data) {
            static_cast<std::string *>(data)->append(e->text, (size_t)e->text_size);
            return true;
        };
        for (const int32_t context : contexts) {
            INFO(architecture, ", context ", context);
            p.context               = context;
            const result_ptr joined = infill(session, {given("TOM"), gap(4), given(" HOME")}, p);
            streamed.clear();
            const result_ptr    spaced = infill(session, {given("TOM "), gap(4), given(" HOME")}, p);
            const magnet_span & span   = spaced->spans[0];
            CHECK(span.text[0] != ' ');
            CHECK(" " + std::string(span.text) == joined->spans[0].text);
            CHECK(streamed == span.text);
            CHECK(ids(span) == ids(joined->spans[0]));
            CHECK(span.logprob == doctest::Approx(joined->spans[0].logprob));
            CHECK(span.tokens[0].text_offset == 0);
            CHECK(span.tokens[span.n_tokens - 1].text_offset <= span.text_size);

            magnet_score_params s      = magnet_score_default_params();
            s.context                  = context;
            const result_ptr    scored = score(session, {given("TOM "), filled(span.text), given(" HOME")}, s);
            const result_ptr    whole  = score(session, {given("TOM"), filled(joined->spans[0].text), given(" HOME")}, s);
            CHECK(scored->spans[0].text == std::string(span.text));
            CHECK(ids(scored->spans[0]) == ids(whole->spans[0]));
            CHECK(scored->spans[0].logprob == doctest::Approx(whole->spans[0].logprob));

            // asked for, the space stays where it is
            magnet_part kept  = given("TOM ");
            kept.keep_space   = true;
            p.sampling.grammar = "root ::= [A-Z]*";
            const result_ptr behind = infill(session, {kept, gap(4), given(" HOME")}, p);
            p.sampling.grammar = "root ::= \" \" [A-Z]*";
            CHECK(behind->n_prompt_tokens == spaced->n_prompt_tokens + 1);
            // and a text that is empty leaves it there too
            const result_ptr empty = score(session, {given("TOM "), filled(""), given(" HOME")}, s);
            CHECK(empty->spans[0].n_tokens == 0);
        }
    }
}

TEST_CASE("infill: LEFT reads nothing to the right of a gap") {
    const model_ptr      model = load_tiny("qwen2");
    magnet_infill_params p     = magnet_infill_default_params();
    p.context                  = MAGNET_CONTEXT_LEFT;
    const session_ptr session  = make_session(model);
    const auto        one      = ids(infill(session, {given("THE CAT"), gap(8), given("MAT")}, p)->spans[0]);
    const auto        two      = ids(infill(session, {given("THE CAT"), gap(8), given("something else")}, p)->spans[0]);
    CHECK(one == two);
    // and is what generation makes of the same text, end tokens left aside
    const magnet_logit_bias bias = {info_of(model).token_eos, -std::numeric_limits<float>::infinity()};
    magnet_generate_params  g    = greedy(8);
    g.sampling.logit_bias        = &bias;
    g.sampling.n_logit_bias      = 1;
    CHECK(ids(generate(session, "THE CAT", g)->spans[0]) == one);
}
