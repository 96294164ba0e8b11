// The calls of magnet.h that need no session: library, model, metadata, layout, the rule, handles and buffers.
#include "api.h"
#include "test_files.h"

#include <cstring>
#include <fstream>
#include <functional>
#include <regex>
#include <set>

#ifdef _WIN32
#    define NOMINMAX
#    include <windows.h>
#endif

using namespace magnet::testing;

TEST_CASE("library: versions and names") {
    CHECK(magnet_abi_version() == MAGNET_ABI_VERSION);
    CHECK(std::string(magnet_version()).find("llama.cpp v") != std::string::npos);

    const char * const names[] = {
        "OK",       "INVALID_ARGUMENT", "IO",        "BAD_FILE", "UNSUPPORTED",      "MISMATCH",
        "TOO_LONG", "OUT_OF_MEMORY",    "CANCELLED", "BUSY",     "BUFFER_TOO_SMALL", "INTERNAL",
        "DIVERGED"};
    for (int32_t i = 0; i < 13; ++i) {
        CHECK(magnet_status_name(-i) == std::string(names[i]));
    }
    for (const int32_t unknown : {1, -13, INT32_MAX, INT32_MIN}) {
        CHECK(magnet_status_name(unknown) == std::string("UNKNOWN"));
    }
}

TEST_CASE("library: what it found of the machine") {
    magnet_system_info info{};
    require_ok(magnet_system_get_info(&info));
    const std::string usable = info.usable_kernels, kernels = info.kernels;
    CHECK(usable.substr(0, kernels.size()) == kernels);
    CHECK((" " + usable).find(" generic") == usable.size() + 1 - 8); // what every processor runs is last
    CHECK(!std::string(info.llama_kernels).empty());
    CHECK(info.n_threads >= 1);
    CHECK(info.n_processors >= info.n_threads);
    CHECK(std::string(info.threads_reason).find("core") != std::string::npos);
#if defined(__x86_64__) && !defined(__APPLE__)
    CHECK(std::string(info.platform).find("-x86_64") != std::string::npos);
#    if defined(_WIN32)
    const bool avx2 = IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE); // the system's word for it
#    else
    const bool avx2 = content_of("/proc/cpuinfo").find(" avx2 ") != std::string::npos;
#    endif
    CHECK((std::string(info.cpu_features).find("avx2") != std::string::npos) == avx2);
#endif
    check_fails(magnet_system_get_info(nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"out_info"});
}

TEST_CASE("library: the message is that of the last call on this thread") {
    check_fails(magnet_model_get_info(nullptr, nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"NULL"});
    int32_t         n     = 0;
    const model_ptr model = load_tiny();
    CHECK(std::string(magnet_last_error()).empty());
    check_fails(magnet_tokenize(model.get(), text("a"), false, false, nullptr, 0, nullptr),
                MAGNET_STATUS_INVALID_ARGUMENT);
    require_ok(magnet_tokenize(model.get(), text("a"), false, false, nullptr, 0, &n));
    CHECK(std::string(magnet_last_error()).empty());
}

TEST_CASE("defaults are what the header says") {
    const magnet_model_params model = magnet_model_default_params();
    CHECK(model.n_gpu_layers == 0);
    CHECK(model.use_mmap);
    CHECK(!model.use_mlock);
    CHECK(!model.check_tensors);
    CHECK(model.progress == nullptr);

    const magnet_session_params session = magnet_session_default_params();
    CHECK(session.n_ctx == 0);
    CHECK(session.batch == 2048);
    CHECK(session.n_threads == -1);
    CHECK(session.flash_attention == MAGNET_FLASH_ATTENTION_AUTO);
    CHECK(session.engine == MAGNET_ENGINE_AUTO);

    const magnet_embed_params embed = magnet_embed_default_params();
    CHECK(embed.instruction == nullptr);
    CHECK(embed.pooling == MAGNET_POOLING_DEFAULT);
    CHECK(embed.attention == MAGNET_ATTENTION_DEFAULT);
    CHECK(embed.truncate == MAGNET_TRUNCATE_ERROR);
    CHECK(embed.max_tokens == 0);
    CHECK(embed.normalize);
    CHECK(embed.append_eos);

    const magnet_infill_params infill = magnet_infill_default_params();
    CHECK(infill.sampling.temperature == 0.0f);
    CHECK(infill.context == MAGNET_CONTEXT_DEFAULT);
    CHECK(infill.max_tokens == 64);
    CHECK(infill.top == 0);
    CHECK(infill.on_token == nullptr);

    const magnet_generate_params generate = magnet_generate_default_params();
    CHECK(generate.sampling.temperature == 0.8f);
    CHECK(generate.sampling.top_k == 40);
    CHECK(generate.sampling.top_p == 0.95f);
    CHECK(generate.sampling.min_p == 0.05f);
    CHECK(generate.sampling.repeat_penalty == 1.0f);
    CHECK(generate.sampling.seed == -1);
    CHECK(generate.max_tokens == 256);
    CHECK(generate.top == 0);
    CHECK(generate.add_special);
    CHECK(!generate.parse_special); // text is what it says
    CHECK(!generate.ignore_eos);

    const magnet_score_params score = magnet_score_default_params();
    CHECK(score.context == MAGNET_CONTEXT_DEFAULT);
    CHECK(score.top == 0);
}

TEST_CASE("model: info is what the file was made with") {
    const model_ptr         model = load_tiny();
    const magnet_model_info info  = info_of(model);
    CHECK(info.architecture == std::string("llama"));
    CHECK(info.name == std::string("tiny"));
    CHECK(std::string(info.description).find("F32") != std::string::npos);
    CHECK(info.n_vocab == 264);
    CHECK(info.n_embd == 32);
    CHECK(info.n_layer == 2);
    CHECK(info.n_head == 4);
    CHECK(info.n_head_kv == 2);
    CHECK(info.n_ctx_train == 256);
    CHECK(info.token_bos == 1);
    CHECK(info.token_eos == 2);
    CHECK(!info.has_chat_template);
    CHECK(info.can_embed_bidirectional);
    CHECK(info.can_infill);

    // embedding and head; per layer two norms, q and o of 32 x 32, k and v of 32 x 16, three of 32 x 64; a last norm
    const int64_t n_params = 2 * 264 * 32 + 2 * (2 * 32 + 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64) + 32;
    CHECK(info.n_params == n_params);
    CHECK(info.n_bytes == 4 * n_params);

    CHECK(info_of(load_tiny("gpt2")).architecture == std::string("gpt2"));
    CHECK(info_of(load_tiny("gpt2")).n_head_kv == 4);
}

TEST_CASE("model: every way of loading gives the same model") {
    for (const bool mmap : {false, true}) {
        magnet_model_params p = magnet_model_default_params();
        p.use_mmap            = mmap;
        p.check_tensors       = !mmap;
        magnet_model * m      = nullptr;
        require_ok(magnet_model_load(golden("tiny-llama.gguf").c_str(), &p, &m));
        const model_ptr model(m);
        CHECK(info_of(model).n_vocab == 264);
    }
}

TEST_CASE("model: load reports progress up to the whole") {
    struct state {
        int64_t last    = -1;
        bool    ordered = true;
    } seen;
    magnet_model_params p = magnet_model_default_params();
    p.progress_user_data  = &seen;
    p.progress            = [](const magnet_progress * progress, void * data) {
        auto & s = *static_cast<state *>(data);
        s.ordered =
            s.ordered && progress->done >= s.last && progress->done <= progress->total && progress->total == 1000;
        s.last = progress->done;
        return true;
    };
    magnet_model * m = nullptr;
    require_ok(magnet_model_load(golden("tiny-llama.gguf").c_str(), &p, &m));
    const model_ptr model(m);
    CHECK(seen.ordered);
    CHECK(seen.last == 1000);
}

TEST_CASE("metadata: keys and values by index") {
    const model_ptr model = load_tiny();
    const int32_t   count = magnet_model_meta_count(model.get());
    CHECK(std::string(magnet_last_error()).empty());
    check_fails(magnet_model_meta_key(model.get(), count, nullptr, 0, nullptr), MAGNET_STATUS_INVALID_ARGUMENT);
    CHECK(magnet_model_meta_count(model.get()) == count); // and the message is that of the last call
    CHECK(std::string(magnet_last_error()).empty());
    REQUIRE(count > 10);

    const auto read = [&](auto getter, int32_t index) {
        int32_t size = 0;
        require_ok(getter(model.get(), index, nullptr, 0, &size));
        std::string value(size + 1, '?');
        require_ok(getter(model.get(), index, value.data(), size + 1, &size));
        CHECK(value.back() == '\0');
        value.pop_back();
        CHECK(strlen(value.c_str()) == (size_t)size);
        return value;
    };
    std::string found;
    for (int32_t i = 0; i < count; ++i) {
        const std::string key = read(magnet_model_meta_key, i), value = read(magnet_model_meta_value, i);
        if (key == "general.name" || key == "llama.context_length") {
            found += key + "=" + value + ";";
        }
    }
    CHECK(found.find("general.name=tiny;") != std::string::npos);
    CHECK(found.find("llama.context_length=256;") != std::string::npos);

    char    buffer[8];
    int32_t size = 0;
    for (const int32_t index : {-1, count, INT32_MAX, INT32_MIN}) {
        check_fails(magnet_model_meta_key(model.get(), index, buffer, 8, &size), MAGNET_STATUS_INVALID_ARGUMENT,
                    {"index"});
        check_fails(magnet_model_meta_value(model.get(), index, buffer, 8, &size), MAGNET_STATUS_INVALID_ARGUMENT,
                    {"index"});
    }
}

TEST_CASE("buffers: the size is asked with NULL and 0, and a small buffer is left alone") {
    const model_ptr   model = load_tiny("gpt2");
    const std::string s     = "abcdefgh";
    int32_t           n     = 0;
    require_ok(magnet_tokenize(model.get(), text(s), false, false, nullptr, 0, &n));
    REQUIRE(n == 8);

    std::vector<int32_t> tokens(8, -7);
    for (const int32_t capacity : {-1, 0, 1, 7}) {
        n = 0;
        check_fails(magnet_tokenize(model.get(), text(s), false, false, tokens.data(), capacity, &n),
                    MAGNET_STATUS_BUFFER_TOO_SMALL, {"8"});
        CHECK(n == 8);
    }
    CHECK(tokens == std::vector<int32_t>(8, -7));
    check_fails(magnet_tokenize(model.get(), text(s), false, false, nullptr, 8, &n), MAGNET_STATUS_BUFFER_TOO_SMALL);
    require_ok(magnet_tokenize(model.get(), text(s), false, false, tokens.data(), 8, &n));

    char buffer[9] = {'?', '?', '?', '?', '?', '?', '?', '?', '?'};
    check_fails(magnet_detokenize(model.get(), tokens.data(), 8, false, buffer, 8, &n), MAGNET_STATUS_BUFFER_TOO_SMALL,
                {"9"}); // the text's NUL
    CHECK(n == 8);
    CHECK(buffer[0] == '?');
    require_ok(magnet_detokenize(model.get(), tokens.data(), 8, false, buffer, 9, &n));
    CHECK(n == 8);
    CHECK(buffer == s);
}

TEST_CASE("pointers that must not be NULL") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);

    magnet_model *      m  = nullptr;
    magnet_session *    s  = nullptr;
    magnet_adapter *    a  = nullptr;
    magnet_result *     r  = nullptr;
    const magnet_text   t  = text("a");
    const magnet_part   g  = gap(1);
    const int32_t       id = 3;
    magnet_model_info   model_info;
    magnet_adapter_info adapter_info;
    magnet_message      message    = {"user", t, nullptr, nullptr};
    magnet_message      no_role    = {nullptr, t, nullptr, nullptr};
    magnet_score_item   no_parts   = {nullptr, 1};
    magnet_adapter *    no_adapter = nullptr;
    std::vector<float>  vector(32);
    std::vector<char>   buffer(64);
    int32_t             n    = 0;
    const std::string   file = golden("tiny-llama.gguf");

    magnet_tool_calls *         calls_of_tools = nullptr;
    magnet_eval_result *        figures        = nullptr;
    magnet_train_estimate       estimate;
    const magnet_train_params   training   = magnet_train_default_params();
    const magnet_eval_params    evaluation = magnet_eval_default_params();

    struct call {
        std::string              name;
        std::function<int32_t()> run;
    };
    const call calls[] = {
        {"magnet_model_load", [&] { return magnet_model_load(nullptr, nullptr, &m); }},
        {"magnet_model_load", [&] { return magnet_model_load(file.c_str(), nullptr, nullptr); }},
        {"magnet_model_get_info", [&] { return magnet_model_get_info(nullptr, &model_info); }},
        {"magnet_model_get_info", [&] { return magnet_model_get_info(model.get(), nullptr); }},
        {"magnet_model_meta_key", [&] { return magnet_model_meta_key(nullptr, 0, buffer.data(), 64, &n); }},
        {"magnet_model_meta_key", [&] { return magnet_model_meta_key(model.get(), 0, buffer.data(), 64, nullptr); }},
        {"magnet_model_meta_value", [&] { return magnet_model_meta_value(nullptr, 0, buffer.data(), 64, &n); }},
        {"magnet_model_meta_value", [&] { return magnet_model_meta_value(model.get(), 0, buffer.data(), 64, nullptr); }},
        {"magnet_tokenize", [&] { return magnet_tokenize(nullptr, t, true, true, nullptr, 0, &n); }},
        {"magnet_tokenize", [&] { return magnet_tokenize(model.get(), t, true, true, nullptr, 0, nullptr); }},
        {"magnet_tokenize", [&] { return magnet_tokenize(model.get(), {nullptr, 3}, true, true, nullptr, 0, &n); }},
        {"magnet_detokenize", [&] { return magnet_detokenize(nullptr, &id, 1, true, buffer.data(), 64, &n); }},
        {"magnet_detokenize", [&] { return magnet_detokenize(model.get(), nullptr, 1, true, buffer.data(), 64, &n); }},
        {"magnet_detokenize", [&] { return magnet_detokenize(model.get(), &id, 1, true, buffer.data(), 64, nullptr); }},
        {"magnet_token_bytes", [&] { return magnet_token_bytes(nullptr, 3, buffer.data(), 64, &n); }},
        {"magnet_token_bytes", [&] { return magnet_token_bytes(model.get(), 3, buffer.data(), 64, nullptr); }},
        {"magnet_chat_prompt", [&] { return magnet_chat_prompt(nullptr, &message, 1, nullptr, true, buffer.data(), 64, &n); }},
        {"magnet_chat_prompt", [&] { return magnet_chat_prompt(model.get(), nullptr, 1, nullptr, true, buffer.data(), 64, &n); }},
        {"magnet_chat_prompt", [&] { return magnet_chat_prompt(model.get(), &no_role, 1, nullptr, true, buffer.data(), 64, &n); }},
        {"magnet_chat_tokens", [&] { return magnet_chat_tokens(nullptr, &message, 1, nullptr, true, false, nullptr, 0, &n); }},
        {"magnet_chat_tokens", [&] { return magnet_chat_tokens(model.get(), nullptr, 1, nullptr, true, false, nullptr, 0, &n); }},
        {"magnet_chat_tokens", [&] { return magnet_chat_tokens(model.get(), &no_role, 1, nullptr, true, false, nullptr, 0, &n); }},
        {"magnet_generate_token_ids", [&] { return magnet_generate_token_ids(nullptr, &id, 1, nullptr, &r); }},
        {"magnet_generate_token_ids", [&] { return magnet_generate_token_ids(session.get(), nullptr, 1, nullptr, &r); }},
        {"magnet_generate_token_ids", [&] { return magnet_generate_token_ids(session.get(), &id, 1, nullptr, nullptr); }},
        {"magnet_adapter_load", [&] { return magnet_adapter_load(nullptr, "a.gguf", &a); }},
        {"magnet_adapter_load", [&] { return magnet_adapter_load(model.get(), nullptr, &a); }},
        {"magnet_adapter_load", [&] { return magnet_adapter_load(model.get(), "a.gguf", nullptr); }},
        {"magnet_adapter_get_info", [&] { return magnet_adapter_get_info(nullptr, &adapter_info); }},
        {"magnet_session_create", [&] { return magnet_session_create(nullptr, nullptr, &s); }},
        {"magnet_session_create", [&] { return magnet_session_create(model.get(), nullptr, nullptr); }},
        {"magnet_session_set_adapters", [&] { return magnet_session_set_adapters(nullptr, nullptr, nullptr, 0); }},
        {"magnet_session_set_adapters", [&] { return magnet_session_set_adapters(session.get(), nullptr, nullptr, 1); }},
        {"magnet_session_set_adapters", [&] { return magnet_session_set_adapters(session.get(), &no_adapter, nullptr, 1); }},
        {"magnet_session_reset", [&] { return magnet_session_reset(nullptr); }},
        {"magnet_embed", [&] { return magnet_embed(nullptr, &t, 1, nullptr, vector.data(), 32, nullptr); }},
        {"magnet_embed", [&] { return magnet_embed(session.get(), nullptr, 1, nullptr, vector.data(), 32, nullptr); }},
        {"magnet_embed_tokens", [&] { return magnet_embed_tokens(nullptr, t, nullptr, vector.data(), nullptr, 1, &n); }},
        {"magnet_embed_tokens", [&] { return magnet_embed_tokens(session.get(), t, nullptr, vector.data(), nullptr, 1, nullptr); }},
        {"magnet_embed_token_ids", [&] { return magnet_embed_token_ids(nullptr, &id, 1, nullptr, vector.data(), 32); }},
        {"magnet_embed_token_ids", [&] { return magnet_embed_token_ids(session.get(), nullptr, 1, nullptr, vector.data(), 32); }},
        {"magnet_infill", [&] { return magnet_infill(nullptr, &g, 1, nullptr, &r); }},
        {"magnet_infill", [&] { return magnet_infill(session.get(), nullptr, 1, nullptr, &r); }},
        {"magnet_infill", [&] { return magnet_infill(session.get(), &g, 1, nullptr, nullptr); }},
        {"magnet_score", [&] { return magnet_score(nullptr, &no_parts, 1, nullptr, &r); }},
        {"magnet_score", [&] { return magnet_score(session.get(), nullptr, 1, nullptr, &r); }},
        {"magnet_score", [&] { return magnet_score(session.get(), &no_parts, 1, nullptr, &r); }},
        {"magnet_score", [&] { return magnet_score(session.get(), &no_parts, 1, nullptr, nullptr); }},
        {"magnet_layout", [&] { return magnet_layout(nullptr, &g, 1, 0, nullptr, 0, &n); }},
        {"magnet_layout", [&] { return magnet_layout(model.get(), nullptr, 1, 0, nullptr, 0, &n); }},
        {"magnet_layout", [&] { return magnet_layout(model.get(), &g, 1, 0, nullptr, 0, nullptr); }},
        {"magnet_generate", [&] { return magnet_generate(nullptr, t, nullptr, &r); }},
        {"magnet_generate", [&] { return magnet_generate(session.get(), t, nullptr, nullptr); }},
        {"magnet_model_meta_count", [&] { return magnet_model_meta_count(nullptr) == 0 ? MAGNET_STATUS_INVALID_ARGUMENT : 0; }},
        {"magnet_model_check_training", [&] { return magnet_model_check_training(nullptr, 0); }},
        {"magnet_system_get_info", [&] { return magnet_system_get_info(nullptr); }},
        {"magnet_tool_grammar", [&] { return magnet_tool_grammar(nullptr, "[]", nullptr, buffer.data(), 64, &n); }},
        {"magnet_tool_grammar", [&] { return magnet_tool_grammar(model.get(), nullptr, nullptr, buffer.data(), 64, &n); }},
        {"magnet_tool_calls_read", [&] { return magnet_tool_calls_read(nullptr, nullptr, t, &calls_of_tools); }},
        {"magnet_tool_calls_read", [&] { return magnet_tool_calls_read(model.get(), nullptr, t, nullptr); }},
        {"magnet_vectors_pack", [&] { return magnet_vectors_pack(nullptr, 1, 32, MAGNET_PRECISION_INT8, buffer.data(), 64, nullptr); }},
        {"magnet_train", [&] { return magnet_train(nullptr, nullptr); }},
        {"magnet_train_resume", [&] { return magnet_train_resume(nullptr, nullptr, nullptr, nullptr); }},
        {"magnet_train_measure", [&] { return magnet_train_measure(nullptr, &estimate); }},
        {"magnet_train_measure", [&] { return magnet_train_measure(&training, nullptr); }},
        {"magnet_merge", [&] { return magnet_merge(nullptr, "a", 1, 0, "o"); }},
        {"magnet_merge", [&] { return magnet_merge("m", nullptr, 1, 0, "o"); }},
        {"magnet_merge", [&] { return magnet_merge("m", "a", 1, 0, nullptr); }},
        {"magnet_eval", [&] { return magnet_eval(nullptr, &evaluation, &figures); }},
        {"magnet_eval", [&] { return magnet_eval(session.get(), nullptr, &figures); }},
        {"magnet_eval", [&] { return magnet_eval(session.get(), &evaluation, nullptr); }},
    };
    std::set<std::string> called;
    for (const call & c : calls) {
        INFO("call of ", c.name);
        called.insert(c.name);
        CHECK(magnet_model_load("no such file", nullptr, &m) != MAGNET_STATUS_OK); // leaves another message
        check_fails(c.run(), MAGNET_STATUS_INVALID_ARGUMENT, {"NULL"});
    }
    CHECK((!calls_of_tools && !figures));

    // every function of the header that can fail, which is to say all that return a number and take a pointer
    std::ifstream     in(golden("../../include/magnet.h"));
    const std::string header((std::istreambuf_iterator<char>(in)), {});
    const std::regex  declaration("MAGNET_API\\s+int32_t\\s+(magnet_\\w+)\\(([^)]*)\\)");
    size_t            n_functions = 0;
    for (std::sregex_iterator it(header.begin(), header.end(), declaration), end; it != end; ++it) {
        const bool takes_pointer = (*it)[2].str().find('*') != std::string::npos;
        n_functions += takes_pointer;
        INFO((*it)[1].str(), " is not among the calls above");
        CHECK(called.count((*it)[1]) == takes_pointer);
    }
    CHECK(n_functions == called.size());
    CHECK((!m && !s && !a && !r));

    // freeing nothing, stopping nothing
    magnet_model_free(nullptr);
    magnet_session_free(nullptr);
    magnet_adapter_free(nullptr);
    magnet_result_free(nullptr);
    magnet_session_cancel(nullptr);
    magnet_session_cancel(session.get());
    magnet_tool_calls_free(nullptr);
    magnet_eval_result_free(nullptr);
    require_ok(magnet_session_reset(session.get()));
}

TEST_CASE("handles that are handed in must be NULL") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const magnet_part g       = gap(1);

    magnet_model *   m = model.get();
    magnet_session * s = session.get();
    check_fails(magnet_model_load(golden("tiny-llama.gguf").c_str(), nullptr, &m), MAGNET_STATUS_INVALID_ARGUMENT,
                {"out_model"});
    CHECK(m == model.get());
    check_fails(magnet_session_create(m, nullptr, &s), MAGNET_STATUS_INVALID_ARGUMENT, {"out_session"});
    CHECK(s == session.get());

    magnet_result * r = nullptr;
    require_ok(magnet_generate(s, text("a"), nullptr, &r));
    const result_ptr owner(r);
    check_fails(magnet_generate(s, text("a"), nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"out_result"});
    check_fails(magnet_infill(s, &g, 1, nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"out_result"});
    check_fails(magnet_score(s, nullptr, 0, nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"out_result"});
    CHECK(r == owner.get());

    auto * a = reinterpret_cast<magnet_adapter *>(r);
    check_fails(magnet_adapter_load(m, "a.gguf", &a), MAGNET_STATUS_INVALID_ARGUMENT, {"out_adapter"});
}

TEST_CASE("the rule of who sees whom") {
    const int32_t S = MAGNET_ROLE_SPAN, C = MAGNET_ROLE_CONTEXT, O = MAGNET_ROLE_ORDERED;

    struct row {
        int32_t query, key;
        bool    behind, same, ahead; // is a key seen whose position is before, at, after the query's?
    };
    const row table[] = {
        {S, C, true, true, true},  {C, C, true, true, true},    {O, C, true, true, true},
        {S, O, true, true, true},  {C, O, true, true, false},   {O, O, true, true, false},
        {S, S, true, true, false}, {C, S, false, false, false}, {O, S, false, false, false},
    };
    for (const row & r : table) {
        INFO("query role ", r.query, ", key role ", r.key);
        for (const int32_t pos : {1, 7, 100000, INT32_MAX - 2}) {
            CHECK(magnet_sees(r.query, pos, r.key, pos - 1) == r.behind);
            CHECK(magnet_sees(r.query, pos, r.key, pos) == r.same);
            CHECK(magnet_sees(r.query, pos, r.key, pos + 1) == r.ahead);
        }
    }
    for (const int32_t none : {-1, 3, 255, 256, 257, 258, -256, INT32_MAX, INT32_MIN}) { // 256 is 0 in a byte
        CHECK_FALSE(magnet_sees(none, 5, C, 1));
        CHECK_FALSE(magnet_sees(S, 5, none, 1));
    }
}
