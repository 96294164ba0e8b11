// Tokens, text and templates: what goes in as UTF-8 and comes out as UTF-8.
#include "api.h"
#include "gguf_file.h"

#include "gguf.h"

#include <algorithm>
#include <cmath>
#include <random>

#ifdef _WIN32
#    define NOMINMAX
#    include <windows.h>
#else
#    include <iconv.h>
#endif

using namespace magnet::testing;

namespace {

// The offset of the first byte that is no UTF-8, by the system; size() if all is.
size_t first_invalid(const std::string & bytes) {
#ifdef _WIN32
    size_t n = bytes.size();
    while (n > 0 && MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, bytes.data(), (int) n, nullptr, 0) == 0) {
        --n;
    }
    return n;
#else
    const iconv_t     convert = iconv_open("UTF-32LE", "UTF-8");
    REQUIRE(convert != (iconv_t) -1);
    std::vector<char> out(4 * bytes.size() + 4);
    std::string       in     = bytes;
    char *            from   = in.data();
    char *            to     = out.data();
    size_t            n_from = in.size();
    size_t            n_to   = out.size();
    const size_t      n      = iconv(convert, &from, &n_from, &to, &n_to);
    iconv_close(convert);
    return n == (size_t)-1 ? bytes.size() - n_from : bytes.size();
#endif
}

// The C library's converters are files, which an emulator's root may lack.
bool system_knows_utf8() {
#ifdef _WIN32
    return true;
#else
    const iconv_t convert = iconv_open("UTF-32LE", "UTF-8");
    return convert != (iconv_t) -1 && iconv_close(convert) == 0;
#endif
}

std::string detokenize(const model_ptr & model, const std::vector<int32_t> & tokens, bool special = false) {
    int32_t n = 0;
    require_ok(magnet_detokenize(model.get(), tokens.data(), (int32_t)tokens.size(), special, nullptr, 0, &n));
    std::string s(n + 1, '?');
    require_ok(magnet_detokenize(model.get(), tokens.data(), (int32_t)tokens.size(), special, s.data(), n + 1, &n));
    s.pop_back();
    return s;
}

// tiny-gpt2: byte b is the token 4 + b (tests/reference/make_tiny.py).
std::vector<int32_t> byte_tokens(const std::string & bytes) {
    std::vector<int32_t> tokens;
    for (const char b : bytes) {
        tokens.push_back(4 + (uint8_t)b);
    }
    return tokens;
}

std::string random_bytes(std::mt19937 & random, size_t n) {
    // half of them bytes that begin or continue a character, so that sequences nearly valid are frequent
    const std::string likely("\x80\xBF\x9F\xA0\x90\x8F\xC2\xC1\xE0\xED\xEF\xF0\xF4\xF5"
                             "a");
    std::string       s;
    while (s.size() < n) {
        s += random() % 2 ? likely[random() % likely.size()] : (char)(random() % 255 + 1);
    }
    return s;
}

// Of a text that goes on where another one ended: no space is put in front of it.
int32_t n_tokens_behind(const model_ptr & model, const std::string & s) {
    return (int32_t)(tokenize(model, "a\n" + s).size() - tokenize(model, "a\n").size());
}

} // namespace

TEST_CASE("tokenize: byte-level BPE") {
    const model_ptr model = load_tiny("gpt2");
    CHECK(tokenize(model, "").empty());
    CHECK(tokenize(model, "abc") == byte_tokens("abc"));
    CHECK(tokenize(model, "the") == std::vector<int32_t>{261});
    CHECK(tokenize(model, " the") == std::vector<int32_t>{262});
    CHECK(tokenize(model, "\xF0\x9F\x98\x80") == byte_tokens("\xF0\x9F\x98\x80"));
    CHECK(tokenize(model, std::string("a\0b", 3)) == byte_tokens(std::string("a\0b", 3)));

    // control tokens only where they are asked for
    CHECK(tokenize(model, "<|end|>", true) == std::vector<int32_t>{1});
    CHECK(detokenize(model, tokenize(model, "<|end|>", false)) == "<|end|>");
    CHECK(tokenize(model, "<|end|>", false).size() > 1);

    // up to the NUL
    int32_t n = 0;
    require_ok(magnet_tokenize(model.get(), {"abc\0def", -1}, false, false, nullptr, 0, &n));
    CHECK(n == 3);
    require_ok(magnet_tokenize(model.get(), {"abc\0def", 7}, false, false, nullptr, 0, &n));
    CHECK(n == 7);
    require_ok(magnet_tokenize(model.get(), {nullptr, -1}, false, false, nullptr, 0, &n));
    CHECK(n == 0);
}

// std::regex calls itself for every character that it matches, until a thread's stack is full.
TEST_CASE("tokenize: one endless word, where words are cut by a regular expression") {
    const std::string path = scratch_path("bloom.gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path, [](gguf_context * gguf) {
        gguf_set_val_str(gguf, "tokenizer.ggml.pre", "bloom");
    });
    const model_ptr model = load_model(path);
    for (const std::string & unit : {std::string("x"), std::string("\xE6\xBC\xA2"), std::string(" ")}) {
        std::string text;
        for (int i = 0; i < 100000; ++i) {
            text += unit;
        }
        CHECK(detokenize(model, tokenize(model, text)) == text);
    }
}

TEST_CASE("tokenize: SentencePiece with a space in front, and BOS where it is asked for") {
    const model_ptr model = load_tiny("llama");
    CHECK(tokenize(model, "the") == std::vector<int32_t>{259, 260, 261, 262});
    CHECK(tokenize(model, "the", true) == std::vector<int32_t>{1, 259, 260, 261, 262});
    CHECK(tokenize(model, "x") == std::vector<int32_t>{259, 3 + 'x'});
}

TEST_CASE("tokenize: megabytes of characters that are no tokens") {
    const model_ptr model = load_tiny();
    std::string     text;
    for (int i = 0; i < 700000; ++i) {
        text += "\xE2\x82\xAC"; // a euro sign, three tokens of a byte
    }
    int32_t n = 0;
    require_ok(magnet_tokenize(model.get(), {text.data(), (int32_t)text.size()}, false, false, nullptr, 0, &n));
    CHECK(n >= 2100000);
    CHECK(n <= 2100003); // and the space in front
}

TEST_CASE("detokenize: control tokens by name or not at all, and cut characters") {
    const model_ptr model = load_tiny("gpt2");
    CHECK(detokenize(model, {4 + 'a', 1, 4 + 'b'}, false) == "ab");
    CHECK(detokenize(model, {4 + 'a', 1, 4 + 'b'}, true) == "a<|end|>b");
    CHECK(detokenize(model, byte_tokens("\xF0\x9F\x98")) == "\xEF\xBF\xBD");
    CHECK(detokenize(model, byte_tokens("x\x80\x80y")) == "x\xEF\xBF\xBD\xEF\xBF\xBDy");
    CHECK(detokenize(model, {}).empty());

    int32_t       n     = 0;
    const int32_t bad[] = {5, 264}, negative[] = {-1};
    check_fails(magnet_detokenize(model.get(), bad, 2, false, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, {"264"});
    check_fails(magnet_detokenize(model.get(), negative, 1, false, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"-1"});
    check_fails(magnet_detokenize(model.get(), bad, -1, false, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"tokens"});
}

TEST_CASE("token bytes: every byte has its token") {
    const model_ptr gpt2 = load_tiny("gpt2"), llama = load_tiny("llama");
    for (int32_t b = 0; b < 256; ++b) {
        CHECK(token_bytes(gpt2, 4 + b) == std::string(1, (char)b));
        CHECK(token_bytes(llama, 3 + b) == std::string(1, (char)b));
    }
    CHECK(token_bytes(gpt2, 262) == " the");
    CHECK(token_bytes(llama, 263) == " the");
    CHECK(token_bytes(gpt2, 1) == "<|end|>");

    char    buffer[4];
    int32_t n = 0;
    for (const int32_t token : {-1, 264, INT32_MAX, INT32_MIN}) {
        check_fails(magnet_token_bytes(gpt2.get(), token, buffer, 4, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                    {std::to_string(token).c_str(), "vocabulary"});
    }
    check_fails(magnet_token_bytes(gpt2.get(), 262, buffer, 3, &n), MAGNET_STATUS_BUFFER_TOO_SMALL, {"4"});
    require_ok(magnet_token_bytes(gpt2.get(), 262, buffer, 4, &n)); // no NUL, so four are enough
    CHECK(std::string(buffer, 4) == " the");
}

TEST_CASE("text in: what is no UTF-8 is refused with its offset" * doctest::skip(!system_knows_utf8())) {
    const model_ptr model = load_tiny("gpt2");
    std::mt19937    random(1);
    int32_t         n_invalid = 0;
    for (int i = 0; i < 3000; ++i) {
        const std::string bytes  = random_bytes(random, random() % 6 + 1);
        const size_t      offset = first_invalid(bytes);
        int32_t           n      = 0;
        const int32_t     status = magnet_tokenize(model.get(), text(bytes), false, false, nullptr, 0, &n);
        if (offset == bytes.size()) {
            require_ok(status);
        } else {
            ++n_invalid;
            check_fails(status, MAGNET_STATUS_INVALID_ARGUMENT, {("byte " + std::to_string(offset) + ".").c_str()});
        }
    }
    CHECK(n_invalid > 1000);
    CHECK(n_invalid < 2900);
}

TEST_CASE("text in: refused wherever text is read") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const std::string bad     = "ab\xC3(";

    magnet_result *    r = nullptr;
    std::vector<float> vector(32);
    int32_t            n       = 0;
    const magnet_text  texts[] = {text("fine"), text(bad)};
    const char * const words   = "byte 2";
    check_fails(magnet_generate(session.get(), text(bad), nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                {words, "prompt"});
    check_fails(magnet_embed(session.get(), texts + 1, 1, nullptr, vector.data(), 32, nullptr),
                MAGNET_STATUS_INVALID_ARGUMENT, {words, "text 0"});
    vector.resize(64);
    check_fails(magnet_embed(session.get(), texts, 2, nullptr, vector.data(), 64, nullptr),
                MAGNET_STATUS_INVALID_ARGUMENT, {words, "text 1"});
    check_fails(magnet_embed_tokens(session.get(), text(bad), nullptr, nullptr, nullptr, 0, &n),
                MAGNET_STATUS_INVALID_ARGUMENT, {words});

    magnet_embed_params embed = magnet_embed_default_params();
    embed.instruction         = bad.c_str();
    check_fails(magnet_embed(session.get(), texts, 1, &embed, vector.data(), 32, nullptr),
                MAGNET_STATUS_INVALID_ARGUMENT, {words, "instruction"});

    const magnet_part       parts[] = {given("fine"), given(bad.c_str()), gap(2)};
    const magnet_score_item items[] = {{parts, 1}, {parts, 3}};
    check_fails(magnet_infill(session.get(), parts, 3, nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT, {words, "part 1"});
    check_fails(magnet_score(session.get(), items, 2, nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                {words, "part 1", "item 1"});
    check_fails(magnet_layout(model.get(), parts, 3, 0, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {words, "part 1"});

    const char *           stop[]   = {"fine", bad.c_str()};
    magnet_generate_params generate = magnet_generate_default_params();
    generate.stop                   = stop;
    generate.n_stop                 = 2;
    check_fails(magnet_generate(session.get(), text("a"), &generate, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                {words, "stop string 1"});

    const magnet_message message = {"user", text(bad), nullptr, nullptr};
    check_fails(magnet_chat_prompt(model.get(), &message, 1, nullptr, true, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {words, "message 0"});
    CHECK(r == nullptr);
}

TEST_CASE("text in: sizes that are none") {
    const model_ptr model = load_tiny();
    int32_t         n     = 0;
    for (const int32_t size : {-2, INT32_MIN}) {
        check_fails(magnet_tokenize(model.get(), {"a", size}, false, false, nullptr, 0, &n),
                    MAGNET_STATUS_INVALID_ARGUMENT, {"size"});
    }
    check_fails(magnet_tokenize(model.get(), {nullptr, INT32_MAX}, false, false, nullptr, 0, &n),
                MAGNET_STATUS_INVALID_ARGUMENT, {"NULL"});
}

TEST_CASE("text out: always UTF-8, and the same bytes where they were" * doctest::skip(!system_knows_utf8())) {
    const model_ptr model = load_tiny("gpt2");
    std::mt19937    random(2);
    for (int i = 0; i < 2000; ++i) {
        const std::string bytes = random_bytes(random, random() % 12);
        const std::string out   = detokenize(model, byte_tokens(bytes));
        CHECK(first_invalid(out) == out.size());
        if (first_invalid(bytes) == bytes.size()) {
            CHECK(out == bytes);
        } else {
            // up to the first bad byte nothing changes, and there stands U+FFFD
            const size_t offset = first_invalid(bytes);
            CHECK(out.compare(0, offset + 3, bytes.substr(0, offset) + "\xEF\xBF\xBD") == 0);
        }
    }
}

TEST_CASE("chat prompt: the model's own template") {
    const std::string path = scratch_path("chat.gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path, [](gguf_context * gguf) {
        gguf_set_val_str(
            gguf, "tokenizer.chat_template",
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
            "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
            "{% endif %}");
    });
    const model_ptr model = load_model(path);
    CHECK(info_of(model).has_chat_template);

    const std::string    question(300, 'q'); // longer than any first guess of a buffer
    const magnet_message messages[] = {{"system", text("Be brief."), nullptr, nullptr}, {"user", text(question), nullptr, nullptr}};
    int32_t              n          = 0;
    require_ok(magnet_chat_prompt(model.get(), messages, 2, nullptr, true, nullptr, 0, &n));
    std::string prompt(n + 1, '?');
    require_ok(magnet_chat_prompt(model.get(), messages, 2, nullptr, true, prompt.data(), n + 1, &n));
    prompt.pop_back();
    const std::string turns = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n" + question + "<|im_end|>\n";
    CHECK(prompt == turns + "<|im_start|>assistant\n");

    require_ok(magnet_chat_prompt(model.get(), messages, 2, nullptr, false, nullptr, 0, &n));
    CHECK(n == (int32_t)turns.size());
    check_fails(magnet_chat_prompt(model.get(), messages, -1, nullptr, false, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"messages"});
    check_fails(magnet_chat_prompt(model.get(), messages, 0, nullptr, true, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, {"message"});
    check_fails(magnet_chat_tokens(model.get(), nullptr, 0, nullptr, true, false, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"message"});
}

TEST_CASE("chat prompt: a model without a template, and one that nobody can read") {
    const magnet_message message = {"user", text("a"), nullptr, nullptr};
    int32_t              n       = 0;
    check_fails(magnet_chat_prompt(load_tiny().get(), &message, 1, nullptr, true, nullptr, 0, &n), MAGNET_STATUS_UNSUPPORTED,
                {"template"});

    const std::string path = scratch_path("broken-chat.gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path,
              [](gguf_context * gguf) { gguf_set_val_str(gguf, "tokenizer.chat_template", "{% for %}"); });
    check_fails(magnet_chat_prompt(load_model(path).get(), &message, 1, nullptr, true, nullptr, 0, &n),
                MAGNET_STATUS_INVALID_ARGUMENT, {"template"});
}

TEST_CASE("text in: NUL is a character like any other") {
    for (const char * architecture : {"llama", "qwen2"}) {
        const model_ptr   model = load_tiny(architecture);
        const std::string nul("a\0b", 3);
        CHECK(detokenize(model, tokenize(model, nul)).find(nul) != std::string::npos);
        CHECK(tokenize(model, nul).size() == tokenize(model, "ab").size() + 1);
    }
}

TEST_CASE("text in: empty and blank texts go through every verb") {
    for (const char * architecture : {"llama", "qwen2"}) {
        const model_ptr   model   = load_tiny(architecture);
        const session_ptr session = make_session(model);
        const bool        has_bos = info_of(model).token_bos >= 0;
        for (const char * blank : {"", " ", "   ", "\n", "\n\n \t"}) {
            INFO(architecture, ", blank: \"", blank, "\"");
            const magnet_text  in = text(blank);
            std::vector<float> vector(32);
            int32_t            n = -1;
            require_ok(magnet_embed(session.get(), &in, 1, nullptr, vector.data(), 32, &n));
            CHECK(n >= 1);
            CHECK(std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); }));
            CHECK(generate(session, blank, greedy(3))->spans[0].n_tokens == 3);
            const result_ptr filled_in = infill(session, {given(blank), gap(2), given(blank)}, magnet_infill_default_params());
            CHECK(filled_in->spans[0].n_tokens == 2);
            const result_ptr scored = score(session, {given("a"), filled(blank), given(blank)});
            CHECK(scored->spans[0].n_tokens == n_tokens_behind(model, blank));
        }
        CHECK(has_bos);
    }
}

TEST_CASE("loading does not warn of tokens that llama.cpp mends by itself") {
    const std::string path = scratch_path("plain-by-type.gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path, [](gguf_context * gguf) {
        const int64_t            key = gguf_find_key(gguf, "tokenizer.ggml.tokens");
        std::vector<std::string> tokens;
        for (size_t i = 0; i < gguf_get_arr_n(gguf, key); ++i) {
            tokens.push_back(gguf_get_arr_str(gguf, key, i));
        }
        tokens.back() = "<|fim_prefix|>"; // a plain token by its type
        std::vector<const char *> list;
        for (const std::string & token : tokens) {
            list.push_back(token.c_str());
        }
        gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", list.data(), list.size());
    });
    static std::vector<int32_t> levels;
    levels.clear();
    magnet_log_set(
        [](int32_t level, const char * line, void *) {
            if (std::string(line).find("control-looking token") != std::string::npos) {
                levels.push_back(level);
            }
        },
        nullptr);
    load_model(path);
    magnet_log_set(nullptr, nullptr);
    CHECK(!levels.empty()); // it is said
    CHECK(std::all_of(levels.begin(), levels.end(), [](int32_t level) { return level == MAGNET_LOG_DEBUG; }));
}

TEST_CASE("a prompt that begins with BOS twice is warned of") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    static int        n_warnings;
    n_warnings = 0;
    magnet_log_set(
        [](int32_t level, const char * line, void *) {
            n_warnings += level == MAGNET_LOG_WARN && std::string(line).find("2 BOS") != std::string::npos;
        },
        nullptr);
    magnet_generate_params p = greedy(1);
    generate(session, "<s>a", p); // text
    CHECK(n_warnings == 0);
    p.parse_special = true;
    generate(session, "<s>a", p);
    CHECK(n_warnings == 1);
    p.add_special = false;
    generate(session, "<s>a", p);
    CHECK(n_warnings == 1);
    magnet_log_set(nullptr, nullptr);
}
