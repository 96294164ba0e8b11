// Options out of their range, and inputs that are too long or empty: refused with the name of what is wrong, and the
// session works on.
#include "api.h"
#include "gguf_file.h"
#include "reference_model.h"

#include "gguf.h"

#include <cmath>
#include <limits>

using namespace magnet::testing;

namespace {

constexpr float inf       = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

// Every test asks its session for this in between.
void check_works(const session_ptr & session) {
    CHECK(generate(session, "abc", greedy(2))->n_generated_tokens == 2);
}

const std::string long_text(600, 'x');

} // namespace

TEST_CASE("session options out of range") {
    const model_ptr model = load_tiny();
    const auto fails = [&](int32_t magnet_session_params::*field, int32_t value, const char * name, int32_t status) {
        magnet_session_params p = session_params();
        p.*field                = value;
        magnet_session * s      = nullptr;
        INFO(name, " = ", value);
        check_fails(magnet_session_create(model.get(), &p, &s), status, {name});
        CHECK(s == nullptr);
    };
    for (const int32_t value : {-1, 1, 7, 257, INT32_MAX, INT32_MIN}) {
        fails(&magnet_session_params::n_ctx, value, "n_ctx", MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {-1, 0, 31, 65537, INT32_MAX, INT32_MIN}) {
        fails(&magnet_session_params::batch, value, "batch", MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {0, -2, INT32_MAX, INT32_MIN}) {
        fails(&magnet_session_params::n_threads, value, "n_threads", MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {-2, 2, INT32_MAX, INT32_MIN}) {
        fails(&magnet_session_params::flash_attention, value, "flash_attention", MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {-1, 3, INT32_MAX, INT32_MIN}) {
        fails(&magnet_session_params::engine, value, "engine", MAGNET_STATUS_INVALID_ARGUMENT);
    }
    magnet_session_params p = session_params();
    p.n_ctx                 = 8;
    p.batch               = 32;
    check_works(make_session(model, p));
}

TEST_CASE("a cache of 8 bits, where llama.cpp can make none: heads of 8 values") {
    const model_ptr       model = load_tiny();
    magnet_session_params p     = session_params();
    p.engine                    = MAGNET_ENGINE_GRAPH;
    p.cache_type                = MAGNET_CACHE_Q8_0;
    const session_ptr            session = make_session(model, p);
    const magnet_generate_params few     = greedy(4);
    magnet_result *              r       = nullptr;
    check_fails(magnet_generate(session.get(), text("Once"), &few, &r), MAGNET_STATUS_UNSUPPORTED, {"32 values", "F16"});
    const magnet_part parts[] = {given("Once"), gap(3)};
    check_fails(magnet_infill(session.get(), parts, 2, nullptr, &r), MAGNET_STATUS_UNSUPPORTED, {"32 values", "F16"});
    const magnet_text  t = text("Once"); // needs no cache
    std::vector<float> vector(32);
    require_ok(magnet_embed(session.get(), &t, 1, nullptr, vector.data(), 32, nullptr));
    p.engine = MAGNET_ENGINE_FUSED;
    CHECK(generate(make_session(model, p), "Once", few)->spans[0].n_tokens > 0);
}

TEST_CASE("sampling options out of range, wherever they are given") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const auto        fails   = [&](const char * name, const auto & set) {
        magnet_generate_params g = magnet_generate_default_params();
        magnet_infill_params   i = magnet_infill_default_params();
        set(g.sampling);
        set(i.sampling);
        const magnet_part parts[] = {given("a"), gap(2)};
        magnet_result *   r       = nullptr;
        check_fails(magnet_generate(session.get(), text("a"), &g, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                             {"sampling.", name});
        check_fails(magnet_infill(session.get(), parts, 2, &i, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                             {"sampling.", name});
        CHECK(r == nullptr);
    };
    using sampling    = magnet_sampling_params;
    const auto floats = [&](float sampling::*field, const char * name, std::initializer_list<float> values) {
        for (const float value : values) {
            INFO(name, " = ", value);
            fails(name, [&](sampling & p) { p.*field = value; });
        }
    };
    floats(&sampling::temperature, "temperature", {nan_value, inf, -inf, -0.1f});
    floats(&sampling::top_p, "top_p", {nan_value, inf, -inf, -0.1f, 0.0f, 1.1f});
    floats(&sampling::min_p, "min_p", {nan_value, inf, -inf, -0.1f, 1.0f});
    floats(&sampling::repeat_penalty, "repeat_penalty", {nan_value, inf, -inf, -1.0f, 0.0f});
    floats(&sampling::frequency_penalty, "frequency_penalty", {nan_value, inf, -inf});
    floats(&sampling::presence_penalty, "presence_penalty", {nan_value, inf, -inf});

    for (const int32_t value : {-1, INT32_MIN}) {
        fails("top_k", [&](sampling & p) { p.top_k = value; });
        fails("n_logit_bias", [&](sampling & p) { p.n_logit_bias = value; });
    }
    for (const int32_t value : {-2, INT32_MIN}) {
        fails("penalty_last_n", [&](sampling & p) { p.penalty_last_n = value; });
    }
    for (const int64_t value : {int64_t(-2), int64_t(1) << 32, INT64_MAX, INT64_MIN}) {
        fails("seed", [&](sampling & p) { p.seed = value; });
    }
    fails("logit_bias", [&](sampling & p) { p.n_logit_bias = 1; });
    for (const magnet_logit_bias bias :
         {magnet_logit_bias{-1, 0.0f}, {264, 0.0f}, {INT32_MAX, 0.0f}, {INT32_MIN, 0.0f}, {3, nan_value}, {3, inf}}) {
        fails("logit_bias", [&](sampling & p) {
            p.logit_bias   = &bias;
            p.n_logit_bias = 1;
        });
    }
    check_works(session);
}

TEST_CASE("sampling options at the edge of what floats hold") {
    const model_ptr         model   = load_tiny();
    const session_ptr       session = make_session(model);
    const float             big     = std::numeric_limits<float>::max();
    const float             small   = std::numeric_limits<float>::denorm_min();
    const magnet_logit_bias bias[]  = {{5, big}, {5, big}, {6, -big}, {6, -big}, {7, -inf}, {7, big}};
    for (const float temperature : {0.0f, small, 1.0f, big}) {
        for (const float repeat : {small, 1.0f, big}) {
            for (const float penalty : {-big, 0.0f, big}) {
                magnet_generate_params p     = greedy(4);
                p.sampling.seed              = 1;
                p.sampling.temperature       = temperature;
                p.sampling.repeat_penalty    = repeat;
                p.sampling.frequency_penalty = penalty;
                p.sampling.presence_penalty  = penalty;
                p.sampling.penalty_last_n    = INT32_MAX;
                p.sampling.top_k             = INT32_MAX;
                p.sampling.top_p             = 1e-30f;
                p.sampling.min_p             = 0.999999f;
                p.sampling.logit_bias        = bias;
                p.sampling.n_logit_bias      = 6;
                const result_ptr r           = generate(session, "abc", p);
                CHECK(r->n_generated_tokens == 4);
                for (const int32_t id : ids(r->spans[0])) {
                    CHECK(id != 7);
                }
            }
        }
    }
    check_works(session);
}

TEST_CASE("grammars that cannot be used") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const auto        fails   = [&](const std::string & grammar, const char * root, const char * word) {
        magnet_generate_params p = greedy(4);
        p.sampling.grammar       = grammar.c_str();
        p.sampling.grammar_root  = root;
        magnet_result * r        = nullptr;
        INFO("grammar: ", grammar);
        check_fails(magnet_generate(session.get(), text("a"), &p, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                             {"the grammar", word});
        CHECK(r == nullptr);
        CHECK(std::string(magnet_last_error()).size() < 600);
    };
    fails("", nullptr, "grammar");
    fails("root", nullptr, "expected ::=");
    fails("root ::= \"a", nullptr, "nothing closes");
    fails("root ::= (\"a\"", nullptr, "expected \")\"");
    fails("root ::= [a-", nullptr, "nothing closes");
    fails("root ::= other", nullptr, "other");
    fails("other ::= \"a\"", nullptr, "root");
    fails("root ::= \"a\"", "start", "start");
    fails("root ::= \"a\"", "", "\"\"");
    fails("root ::= root \"a\" | \"b\"", nullptr, "left recursion");
    fails("root ::= \"a\"{100000000}", nullptr, "repetitions");
    fails("root ::= \xFF", nullptr, "grammar");
    fails("root ::= \"a\" " + std::string(5000, '$'), nullptr, "grammar");
    check_works(session);
}

TEST_CASE("generate options out of range") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const auto        fails   = [&](const char * name, const auto & set) {
        magnet_generate_params p = magnet_generate_default_params();
        set(p);
        magnet_result * r = nullptr;
        check_fails(magnet_generate(session.get(), text("a"), &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {name});
        CHECK(r == nullptr);
    };
    for (const int32_t value : {-2, INT32_MIN}) {
        fails("max_tokens", [&](magnet_generate_params & p) { p.max_tokens = value; });
    }
    for (const int32_t value : {-1, 101, INT32_MAX, INT32_MIN}) {
        fails("top", [&](magnet_generate_params & p) { p.top = value; });
    }
    const char * const empty[] = {"a", ""};
    const char * const null[]  = {"a", nullptr};
    fails("stop string 1", [&](magnet_generate_params & p) { p.stop = empty, p.n_stop = 2; });
    fails("stop string 1", [&](magnet_generate_params & p) { p.stop = null, p.n_stop = 2; });
    fails("n_stop", [&](magnet_generate_params & p) { p.n_stop = 1; });
    fails("n_stop", [&](magnet_generate_params & p) { p.stop = empty, p.n_stop = -1; });
    check_works(session);
}

TEST_CASE("infill and score options out of range") {
    const model_ptr         model   = load_tiny();
    const session_ptr       session = make_session(model);
    const magnet_part       parts[] = {given("a"), gap(2)};
    const magnet_part       full[]  = {given("a"), filled("b")};
    const magnet_score_item item    = {full, 2};
    const auto              fails   = [&](const char * name, int32_t context, int32_t n_top, int32_t max_tokens) {
        magnet_infill_params i = magnet_infill_default_params();
        magnet_score_params  s = magnet_score_default_params();
        i.context = s.context = context;
        i.top = s.top = n_top;
        i.max_tokens      = max_tokens;
        magnet_result * r = nullptr;
        check_fails(magnet_infill(session.get(), parts, 2, &i, &r), MAGNET_STATUS_INVALID_ARGUMENT, {name});
        if (max_tokens > 0) {
            check_fails(magnet_score(session.get(), &item, 1, &s, &r), MAGNET_STATUS_INVALID_ARGUMENT, {name});
        }
        CHECK(r == nullptr);
    };
    for (const int32_t value : {-1, 5, INT32_MAX, INT32_MIN}) {
        fails("context", value, 0, 8);
    }
    for (const int32_t value : {-1, 101, INT32_MAX, INT32_MIN}) {
        fails("top", 0, value, 8);
    }
    for (const int32_t value : {0, -1, INT32_MIN}) {
        fails("max_tokens", 0, 0, value);
    }
    check_works(session);
}

TEST_CASE("templates that cannot be filled") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const auto        fails   = [&](const std::vector<magnet_part> & parts, int32_t status, const char * word) {
        magnet_result * r = nullptr;
        check_fails(magnet_infill(session.get(), parts.data(), (int32_t)parts.size(), nullptr, &r), status, {word});
        CHECK(r == nullptr);
        check_works(session);
    };
    fails({}, MAGNET_STATUS_INVALID_ARGUMENT, "parts");
    fails({given("a")}, MAGNET_STATUS_INVALID_ARGUMENT, "gap");
    fails({given("a"), {2, {}, 1, 0, false}}, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails({given("a"), gap(-1)}, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails({given("a"), open_gap(-1)}, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails({given("a"), filled("text")}, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails({given("a"), gap(1), {MAGNET_PART_TEXT, {nullptr, 5}, 0, 0, false}}, MAGNET_STATUS_INVALID_ARGUMENT, "part 2");

    fails({given("a"), gap(254)}, MAGNET_STATUS_TOO_LONG, "256"); // BOS, space and "a" take three
    fails({given("a"), gap(INT32_MAX)}, MAGNET_STATUS_TOO_LONG, "256");
    fails({given("a"), open_gap(INT32_MAX)}, MAGNET_STATUS_TOO_LONG, "256");
    fails({given("a"), gap(100), gap(100), gap(100)}, MAGNET_STATUS_TOO_LONG, "256");
    fails({given(long_text.c_str()), gap(1)}, MAGNET_STATUS_TOO_LONG, "256");
    fails({gap(1), given(long_text.c_str())}, MAGNET_STATUS_TOO_LONG, "256");

    // and to the last token that there is room for
    CHECK(infill(session, {given("a"), gap(253)}, magnet_infill_default_params())->spans[0].n_tokens == 253);
}

TEST_CASE("a gap at the very start of a vocabulary without BOS") {
    const std::string path = scratch_path("no-bos.gguf");
    copy_gguf(golden("tiny-gpt2.gguf"), path, [](gguf_context * gguf) {
        gguf_remove_key(gguf, "tokenizer.ggml.bos_token_id");
        gguf_set_val_str(gguf, "tokenizer.ggml.pre", "chatglm-bpe"); // with others GPT-2's own is assumed
    });
    const model_ptr   model   = load_model(path);
    const session_ptr session = make_session(model);
    REQUIRE(info_of(model).token_bos == -1);

    const magnet_part parts[] = {gap(2), given("b")};
    magnet_result *   r       = nullptr;
    for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_LEFT}) {
        magnet_infill_params p = magnet_infill_default_params();
        p.context              = context;
        check_fails(magnet_infill(session.get(), parts, 2, &p, &r), MAGNET_STATUS_UNSUPPORTED, {"BOS"});
    }
    check_fails(magnet_generate(session.get(), text(""), nullptr, &r), MAGNET_STATUS_UNSUPPORTED, {"BOS"});

    // scored, the first token has no prediction
    const result_ptr scored = score(session, {filled("ab"), given("c")});
    CHECK(std::isnan(scored->spans[0].tokens[0].logprob));
    CHECK(std::isfinite(scored->spans[0].tokens[1].logprob));
    CHECK(scored->spans[0].logprob == scored->spans[0].tokens[1].logprob);
    check_works(session);
}

TEST_CASE("score: what cannot be scored") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const magnet_part good[]  = {given("a"), filled("b")};
    const auto        fails   = [&](const std::vector<magnet_part> & parts, int32_t status,
                           std::initializer_list<const char *> words) {
        const magnet_score_item items[] = {{good, 2}, {parts.data(), (int32_t)parts.size()}};
        magnet_result *         r       = nullptr;
        check_fails(magnet_score(session.get(), items, 2, nullptr, &r), status, words);
        CHECK(r == nullptr);
    };
    fails({}, MAGNET_STATUS_INVALID_ARGUMENT, {"item 1", "parts"});
    fails({given("a"), filled("bcd", 2)}, MAGNET_STATUS_INVALID_ARGUMENT, {"item 1", "part 1"});
    fails({given("a"), filled("b", 254)}, MAGNET_STATUS_TOO_LONG, {"item 1", "256"});
    fails({given("a"), filled("b", INT32_MAX), given("c")}, MAGNET_STATUS_TOO_LONG, {"item 1", "256"});
    fails({given("a"), filled("b", 0, INT32_MAX), given("c")}, MAGNET_STATUS_TOO_LONG, {"item 1", "256"});
    fails({given("a"), filled(long_text.c_str())}, MAGNET_STATUS_TOO_LONG, {"item 1", "256"});

    magnet_result * r = nullptr;
    check_fails(magnet_score(session.get(), nullptr, -1, nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"items"});
    require_ok(magnet_score(session.get(), nullptr, 0, nullptr, &r));
    CHECK(r->n_spans == 0);
    magnet_result_free(r);
    check_works(session);
}

TEST_CASE("prompts that are too long, or empty") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    magnet_result *   r       = nullptr;
    check_fails(magnet_generate(session.get(), text(long_text), nullptr, &r), MAGNET_STATUS_TOO_LONG, {"602", "256"});
    CHECK(generate(session, "", greedy(3))->n_prompt_tokens == 1); // BOS
    check_works(session);

    magnet_session_params small = session_params();
    small.n_ctx                 = 8;
    const session_ptr eight     = make_session(model, small);
    check_fails(magnet_generate(eight.get(), text("abcdefghi"), nullptr, &r), MAGNET_STATUS_TOO_LONG, {"8"});
    check_works(eight);
}

TEST_CASE("embed options out of range") {
    const model_ptr    model   = load_tiny();
    const session_ptr  session = make_session(model);
    const magnet_text  t       = text("a");
    std::vector<float> out(32);
    const auto fails = [&](const char * name, int32_t magnet_embed_params::*field, int32_t value, int32_t status) {
        magnet_embed_params p = magnet_embed_default_params();
        p.*field              = value;
        int32_t       n       = 0;
        const int32_t id      = 5;
        INFO(name, " = ", value);
        check_fails(magnet_embed(session.get(), &t, 1, &p, out.data(), 32, nullptr), status, {name});
        check_fails(magnet_embed_tokens(session.get(), t, &p, nullptr, nullptr, 0, &n), status, {name});
        check_fails(magnet_embed_token_ids(session.get(), &id, 1, &p, out.data(), 32), status, {name});
    };
    for (const int32_t value : {-1, 4, INT32_MAX, INT32_MIN}) {
        fails("pooling", &magnet_embed_params::pooling, value, MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {-1, 3, INT32_MAX, INT32_MIN}) {
        fails("attention", &magnet_embed_params::attention, value, MAGNET_STATUS_INVALID_ARGUMENT);
        fails("truncate", &magnet_embed_params::truncate, value, MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {-1, 257, INT32_MAX, INT32_MIN}) {
        fails("max_tokens", &magnet_embed_params::max_tokens, value, MAGNET_STATUS_INVALID_ARGUMENT);
    }
    for (const int32_t value : {-1, 33, INT32_MAX}) {
        fails("dimensions", &magnet_embed_params::dimensions, value, MAGNET_STATUS_INVALID_ARGUMENT);
    }

    check_fails(magnet_embed(session.get(), nullptr, -1, nullptr, out.data(), 32, nullptr),
                MAGNET_STATUS_INVALID_ARGUMENT, {"texts"});
    require_ok(magnet_embed(session.get(), nullptr, 0, nullptr, nullptr, 0, nullptr));
    const int32_t bad[] = {5, 264}, negative[] = {5, 6, -1};
    check_fails(magnet_embed_token_ids(session.get(), bad, 2, nullptr, out.data(), 32), MAGNET_STATUS_INVALID_ARGUMENT,
                {"token 1", "264"});
    check_fails(magnet_embed_token_ids(session.get(), negative, 3, nullptr, out.data(), 32),
                MAGNET_STATUS_INVALID_ARGUMENT, {"token 2", "-1"});
    check_fails(magnet_embed_token_ids(session.get(), bad, 0, nullptr, out.data(), 32), MAGNET_STATUS_INVALID_ARGUMENT,
                {"0"});
    check_fails(magnet_embed_token_ids(session.get(), bad, -1, nullptr, out.data(), 32),
                MAGNET_STATUS_INVALID_ARGUMENT);
    const std::vector<int32_t> many(257, 5);
    check_fails(magnet_embed_token_ids(session.get(), many.data(), 257, nullptr, out.data(), 32),
                MAGNET_STATUS_TOO_LONG, {"256"});
    check_works(session);
}

TEST_CASE("embed: buffers that are too small") {
    const model_ptr    model   = load_tiny();
    const session_ptr  session = make_session(model);
    const magnet_text  texts[] = {text("a"), text("b")};
    const int32_t      id      = 5;
    std::vector<float> out(64);
    for (const int64_t capacity : {int64_t(0), int64_t(63), int64_t(-1), INT64_MIN}) {
        check_fails(magnet_embed(session.get(), texts, 2, nullptr, out.data(), capacity, nullptr),
                    MAGNET_STATUS_BUFFER_TOO_SMALL, {"64"});
        check_fails(magnet_embed_token_ids(session.get(), &id, 1, nullptr, out.data(), std::min<int64_t>(capacity, 31)),
                    MAGNET_STATUS_BUFFER_TOO_SMALL, {"32"});
    }
    check_fails(magnet_embed(session.get(), texts, 2, nullptr, nullptr, 64, nullptr), MAGNET_STATUS_BUFFER_TOO_SMALL);

    int32_t n = 0;
    require_ok(magnet_embed_tokens(session.get(), text("ab"), nullptr, nullptr, nullptr, 0, &n));
    REQUIRE(n == 3); // space, a, b
    n = 0;
    std::vector<float>   vectors(3 * 32, -7.0f);
    std::vector<int32_t> tokens(3, -7);
    for (const int32_t capacity : {-1, 0, 2}) {
        check_fails(
            magnet_embed_tokens(session.get(), text("ab"), nullptr, vectors.data(), tokens.data(), capacity, &n),
            MAGNET_STATUS_BUFFER_TOO_SMALL, {"3"});
        CHECK(n == 3);
    }
    CHECK(vectors == std::vector<float>(3 * 32, -7.0f));
    CHECK(tokens == std::vector<int32_t>(3, -7));
    check_fails(magnet_embed_tokens(session.get(), text("ab"), nullptr, nullptr, tokens.data(), 3, &n),
                MAGNET_STATUS_BUFFER_TOO_SMALL, {"0", "3"});
    CHECK(n == 3);
    CHECK(tokens == std::vector<int32_t>(3, -7));
    require_ok(magnet_embed_tokens(session.get(), text("ab"), nullptr, vectors.data(), tokens.data(), 3, &n));
    CHECK(tokens == tokenize(model, "ab"));
}

TEST_CASE("embed: max_tokens counts instruction and EOS of an empty text too") {
    const model_ptr     model   = load_tiny();
    const session_ptr   session = make_session(model);
    magnet_embed_params p       = magnet_embed_default_params();
    p.instruction               = "ab"; // BOS, a space, a, b
    const magnet_text  empty    = text("");
    std::vector<float> out(32);
    int32_t            n = -7;
    for (const int32_t truncate : {MAGNET_TRUNCATE_ERROR, MAGNET_TRUNCATE_HEAD, MAGNET_TRUNCATE_TAIL}) {
        p.truncate   = truncate;
        p.max_tokens = 4;
        check_fails(magnet_embed(session.get(), &empty, 1, &p, out.data(), 32, &n), MAGNET_STATUS_TOO_LONG, {"5", "4"});
        CHECK(n == -7); // a call that fails counts nothing
        check_fails(magnet_embed_tokens(session.get(), empty, &p, nullptr, nullptr, 0, &n), MAGNET_STATUS_TOO_LONG);
        p.max_tokens = 5;
        require_ok(magnet_embed(session.get(), &empty, 1, &p, out.data(), 32, &n));
        CHECK(n == 5);
        n = -7;
    }
}

TEST_CASE("adapters: scales that are no numbers") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const std::string path    = scratch_path("scaled.gguf");
    write_adapter(path, "llama", random_lora(reference_model(golden("tiny-llama.gguf")).targets(), 2, 1.0f, 1), 2.0f);
    const adapter_ptr adapter = load_adapter(model, path);
    magnet_adapter *  list[]  = {adapter.get(), adapter.get()};
    for (const float scale : {nan_value, inf, -inf}) {
        const float scales[] = {1.0f, scale};
        check_fails(magnet_session_set_adapters(session.get(), list, scales, 2), MAGNET_STATUS_INVALID_ARGUMENT,
                    {path.c_str(), "finite"});
    }
    check_fails(magnet_session_set_adapters(session.get(), list, nullptr, -1), MAGNET_STATUS_INVALID_ARGUMENT,
                {"adapters"});
    check_works(session);
}
