// Filling in the middle: prompts as the models' own publications give them, and the gaps that are decoded from them.
#include "api.h"
#include "eval_api.h"
#include "gguf_file.h"
#include "model/model.h"
#include "model/recipe.h"
#include "session/fim-prompt.h"
#include "session/layout.h"

#include <algorithm>
#include <cmath>

#include "gguf.h"

using namespace magnet::testing;

namespace {

// The control tokens of a vocabulary, its end of text first.
struct vocabulary {
    std::vector<std::string> control;
    bool                     spm    = false;
    bool                     begins = false;
};

const vocabulary qwen       = {{"<|endoftext|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
                                "<|repo_name|>", "<|file_sep|>"}};
const vocabulary starcoder2 = {{"<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<repo_name>",
                                "<file_sep>"}};
const vocabulary granite    = {{"<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>",
                                "<reponame>"}};
const vocabulary deepseek   = {{"<｜begin▁of▁sentence｜>", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"}, false, true};
const vocabulary codegemma  = {{"<bos>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_separator|>"}, false, true};
const vocabulary codellama  = {{"<s>", "▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"}, true, true};
const vocabulary codestral  = {{"<s>", "[PREFIX]", "[MIDDLE]", "[SUFFIX]"}, true, true};
const vocabulary plain      = {{"<|endoftext|>"}};

std::string write(const vocabulary & v, const std::string & name = "") {
    static int        n    = 0; // a file each: Windows lets nobody write over one that a model was loaded from
    const std::string path = scratch_path("fim-" + std::to_string(n++) + ".gguf");
    write_control_model(path, v.control, v.spm, v.begins);
    if (!name.empty()) {
        copy_gguf(path, path, [&](gguf_context * gguf) { gguf_set_val_str(gguf, "general.name", name.c_str()); });
    }
    return path;
}

// The prompt of the one gap between left and right, as text.
std::string prompt_of(const vocabulary & v, const std::string & left, const std::string & right,
                      const magnet_fim_params & files = {}) {
    const auto                     m       = magnet::model::load(write(v), magnet_model_default_params());
    const std::vector<magnet_part> parts   = {given(left.c_str()), open_gap(4), given(right.c_str())};
    magnet::layout_options         options;
    options.keep_spaces = true;
    const magnet::fim_prompter prompter(*m, files);
    std::vector<int32_t>       tokens;
    for (const magnet::slot & s : prompter.prompt(magnet::tokenize_parts(*m, parts.data(), 3, options), 1)) {
        CHECK(s.pos == (int32_t)tokens.size());
        tokens.push_back(s.token);
    }
    return m->detokenize(tokens.data(), (int32_t)tokens.size(), true);
}

magnet_infill_params middle() {
    magnet_infill_params p = magnet_infill_default_params();
    p.context              = MAGNET_CONTEXT_FIM;
    return p;
}

int32_t id_of(const vocabulary & v, const std::string & token) {
    return (int32_t)(std::find(v.control.begin(), v.control.end(), token) - v.control.begin());
}

// Bans all control tokens.
std::vector<magnet_logit_bias> text_only(const vocabulary & v) {
    std::vector<magnet_logit_bias> bias;
    for (int32_t i = 0; i < (int32_t)v.control.size(); ++i) {
        bias.push_back({i, -INFINITY});
    }
    return bias;
}

magnet_infill_params middle(const std::vector<magnet_logit_bias> & bias, int32_t max_tokens) {
    magnet_infill_params p  = middle();
    p.sampling.logit_bias   = bias.data();
    p.sampling.n_logit_bias = (int32_t)bias.size();
    p.max_tokens            = max_tokens;
    return p;
}

} // namespace

// Sources of the layouts: docs/fim.md.
TEST_CASE("fim: prompts byte for byte as the models' publications give them") {
    const std::string left = "def f(x):\n    ", right = "\n    return y";
    CHECK(prompt_of(qwen, left, right) ==
          "<|fim_prefix|>def f(x):\n    <|fim_suffix|>\n    return y<|fim_middle|>");
    CHECK(prompt_of(starcoder2, left, right) == "<fim_prefix>def f(x):\n    <fim_suffix>\n    return y<fim_middle>");
    CHECK(prompt_of(granite, left, right) == "<fim_prefix>def f(x):\n    <fim_suffix>\n    return y<fim_middle>");
    CHECK(prompt_of(deepseek, left, right) ==
          "<｜begin▁of▁sentence｜><｜fim▁begin｜>def f(x):\n    <｜fim▁hole｜>\n    return y<｜fim▁end｜>");
    CHECK(prompt_of(codegemma, "import ", "\nsys.exit(0)") ==
          "<bos><|fim_prefix|>import <|fim_suffix|>\nsys.exit(0)<|fim_middle|>");
    // "<PRE> {pre} <SUF>{suf} <MID>", whose spaces belong to the tokens: the prefix begins like a text, the suffix does not
    CHECK(prompt_of(codellama, left, right) == "<s>▁<PRE> def f(x):\n    ▁<SUF>\n    return y▁<MID>");
    CHECK(prompt_of(codestral, left, right) == "<s>[SUFFIX]\n    return y[PREFIX] def f(x):\n    ");
    CHECK(prompt_of(qwen, "", "") == "<|fim_prefix|><|fim_suffix|><|fim_middle|>");
}

TEST_CASE("fim: other files of the repository stand where the publications have them") {
    const magnet_fim_file   files[] = {{"a.py", "A = 1"}, {"b.py", "B = 2"}};
    const magnet_fim_params all     = {"shop", "main.py", files, 2};
    CHECK(prompt_of(qwen, "x", "y", all) == "<|repo_name|>shop\n<|file_sep|>a.py\nA = 1\n<|file_sep|>b.py\nB = 2\n"
                                            "<|file_sep|>main.py\n<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>");
    CHECK(prompt_of(starcoder2, "x", "y", all) == "<repo_name>shop<file_sep>a.py\nA = 1<file_sep>b.py\nB = 2"
                                                  "<file_sep><fim_prefix>main.py\nx<fim_suffix>y<fim_middle>");
    const magnet_fim_params no_repository = {nullptr, "main.py", files, 1};
    CHECK(prompt_of(codegemma, "x", "y", no_repository) ==
          "<bos>a.py\nA = 1<|file_separator|>main.py\n<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>");
    const magnet_fim_file   nameless[] = {{nullptr, "A = 1"}};
    const magnet_fim_params no_path    = {nullptr, nullptr, nameless, 1};
    CHECK(prompt_of(starcoder2, "x", "y", no_path) == "<file_sep>A = 1<file_sep><fim_prefix>x<fim_suffix>y<fim_middle>");
}

TEST_CASE("fim: what is generated for the same prompt, to the bit, streamed as it is returned") {
    for (const vocabulary & v : {qwen, codellama}) {
        const model_ptr model = load_model(write(v));
        const auto      bias  = text_only(v);
        std::vector<int32_t> tokens;
        const auto           add = [&](const std::string & name) { tokens.push_back(id_of(v, name)); };
        const auto           put = [&](const std::vector<int32_t> & more) { tokens.insert(tokens.end(), more.begin(), more.end()); };
        const std::string    left = "for i in ", right = ":\n";
        if (v.spm) {
            tokens = {0};
            add("▁<PRE>"), put(tokenize(model, left)), add("▁<SUF>");
            const std::vector<int32_t> suffix = tokenize(model, "\n" + right); // after a space and that newline
            tokens.insert(tokens.end(), suffix.begin() + 2, suffix.end());
            add("▁<MID>");
        } else {
            add("<|fim_prefix|>"), put(tokenize(model, left)), add("<|fim_suffix|>"), put(tokenize(model, right));
            add("<|fim_middle|>");
        }
        magnet_generate_params g = greedy(12);
        g.sampling.logit_bias    = bias.data();
        g.sampling.n_logit_bias  = (int32_t)bias.size();
        magnet_result * raw      = nullptr;
        require_ok(magnet_generate_token_ids(make_session(model).get(), tokens.data(), (int32_t)tokens.size(), &g, &raw));
        const result_ptr expected(raw);

        std::string          streamed;
        magnet_infill_params p = middle(bias, 12);
        p.on_token             = [](const magnet_token_event * event, void * data) {
            *static_cast<std::string *>(data) += std::string(event->text, event->text_size);
            return true;
        };
        p.on_token_user_data = &streamed;
        const result_ptr r   = infill(make_session(model), {given(left.c_str()), open_gap(0), given(right.c_str())}, p);
        CHECK(ids(r->spans[0]) == ids(expected->spans[0]));
        CHECK(r->spans[0].logprob == expected->spans[0].logprob);
        CHECK(r->spans[0].text == std::string(expected->spans[0].text));
        CHECK(streamed == r->spans[0].text);
        CHECK(r->n_prompt_tokens == (int32_t)tokens.size());
    }
}

TEST_CASE("fim: every token that is no text ends a middle, which may be empty; an exact gap has its length") {
    const vocabulary & v     = qwen;
    const model_ptr    model = load_model(write(v));
    for (const char * end : {"<|endoftext|>", "<|im_end|>", "<|fim_pad|>", "<|file_sep|>", "<|repo_name|>", "<|fim_prefix|>"}) {
        INFO(end);
        const magnet_logit_bias bias = {id_of(v, end), 1e6f};
        magnet_infill_params    p    = middle({bias}, 6);
        p.sampling.logit_bias        = &bias;
        const session_ptr session    = make_session(model);
        const result_ptr  open       = infill(session, {given("a"), open_gap(0), given("b")}, p);
        CHECK(open->spans[0].n_tokens == 0);
        CHECK(open->spans[0].stop == MAGNET_STOP_END);
        CHECK(open->spans[0].stop_logprob < 0);
        const result_ptr exact = infill(session, {given("a"), gap(5), given("b")}, p);
        CHECK(exact->spans[0].n_tokens == 5);
        for (const int32_t token : ids(exact->spans[0])) {
            CHECK(token >= (int32_t)v.control.size());
        }
    }
}

TEST_CASE("fim: gaps are filled in order, each with a prompt in which those before it are text") {
    const model_ptr  model = load_model(write(qwen));
    const auto       bias  = text_only(qwen);
    const auto       p     = middle(bias, 5);
    const result_ptr both  = infill(make_session(model), {given("a "), open_gap(0), given(" b "), gap(3), given(" c")}, p);
    REQUIRE(both->n_spans == 2);
    const result_ptr  first = infill(make_session(model), {given("a "), open_gap(0), given(" b  c")}, p);
    const std::string left  = "a " + std::string(first->spans[0].text) + " b ";
    const result_ptr  second = infill(make_session(model), {given(left.c_str()), gap(3), given(" c")}, p);
    CHECK(ids(both->spans[0]) == ids(first->spans[0]));
    CHECK(ids(both->spans[1]) == ids(second->spans[0]));
    CHECK(both->spans[0].part == 1);
    CHECK(both->spans[1].part == 3);
    CHECK(both->n_prompt_tokens == first->n_prompt_tokens + second->n_prompt_tokens);

    // and score reads the same
    const std::string one = both->spans[0].text, two = both->spans[1].text;
    magnet_score_params s = magnet_score_default_params();
    s.context             = MAGNET_CONTEXT_FIM;
    const result_ptr scored =
        score(make_session(model), {given("a "), filled(one.c_str()), given(" b "), filled(two.c_str(), 3), given(" c")}, s);
    REQUIRE(scored->n_spans == 2);
    for (int32_t i = 0; i < 2; ++i) {
        CHECK(ids(scored->spans[i]) == ids(both->spans[i]));
        CHECK(scored->spans[i].logprob == doctest::Approx(both->spans[i].logprob).epsilon(0.02));
        CHECK(scored->spans[i].part == both->spans[i].part);
    }
}

TEST_CASE("fim: text that grows at the gap is read from where it grew") {
    const model_ptr   model   = load_model(write(qwen));
    const session_ptr session = make_session(model);
    const auto        bias    = text_only(qwen);
    const auto        p       = middle(bias, 3);
    infill(session, {given("int a = 1;\nint b"), open_gap(0), given("\nreturn;")}, p);
    const result_ptr grown = infill(session, {given("int a = 1;\nint b = a"), open_gap(0), given("\nreturn;")}, p);
    CHECK(grown->n_reused_tokens == 1 + 16); // the prefix token and what stood left of the gap
    const result_ptr fresh = infill(make_session(model), {given("int a = 1;\nint b = a"), open_gap(0), given("\nreturn;")}, p);
    CHECK(ids(grown->spans[0]) == ids(fresh->spans[0]));
}

TEST_CASE("fim: an edit in the right side is read from where it is; Codestral's order reads the left side alone") {
    const model_ptr   model   = load_model(write(qwen));
    const session_ptr session = make_session(model);
    const auto        bias    = text_only(qwen);
    infill(session, {given("abcd"), open_gap(0), given("uvwxyz")}, middle(bias, 3));
    const result_ptr edited = infill(session, {given("abcd"), open_gap(0), given("uvwQyz")}, middle(bias, 3));
    CHECK(edited->n_prompt_tokens == 13);
    CHECK(edited->n_reused_tokens == 1 + 4 + 1 + 3);

    const session_ptr other       = make_session(load_model(write(codestral)));
    const auto        other_bias  = text_only(codestral);
    infill(other, {given("abcd"), open_gap(0), given("uvwxyz")}, middle(other_bias, 3));
    const result_ptr typed = infill(other, {given("abcde"), open_gap(0), given("uvwxyz")}, middle(other_bias, 3));
    CHECK(typed->n_prompt_tokens == 1 + 1 + 6 + 1 + 6); // a text begins with a space there
    CHECK(typed->n_reused_tokens == typed->n_prompt_tokens - 1);
}

TEST_CASE("fim: the default where the model was trained on it and no adapter says otherwise") {
    const auto context_of = [](const std::string & path) { return info_of(load_model(path)).context; };
    CHECK(context_of(write(qwen)) == MAGNET_CONTEXT_FIM);
    CHECK(context_of(write(plain)) == MAGNET_CONTEXT_ORDERED);
    CHECK(context_of(write(codestral)) == MAGNET_CONTEXT_ORDERED); // Mistral's vocabularies all have the tokens
    CHECK(context_of(write(codestral, "Codestral 22B v0.1")) == MAGNET_CONTEXT_FIM);
    CHECK(info_of(load_model(write(codestral))).has_fim_tokens);
    CHECK(!info_of(load_model(write(plain))).has_fim_tokens);

    const auto merged = [](int32_t context) { // the recipe that magnet_merge puts into a model
        const std::string path = scratch_path("fim-recipe-" + std::to_string(context) + ".gguf");
        copy_gguf(write(qwen), path, [&](gguf_context * gguf) {
            magnet::write_recipe(magnet::recipe(), gguf);
            gguf_set_val_str(gguf, "magnet.infill.context", context == MAGNET_CONTEXT_HYBRID ? "hybrid" : "ordered");
        });
        return path;
    };
    CHECK(context_of(merged(MAGNET_CONTEXT_ORDERED)) == MAGNET_CONTEXT_ORDERED);

    const model_ptr      model  = load_model(write(qwen));
    const auto           bias   = text_only(qwen);
    magnet_infill_params p      = middle(bias, 4);
    const result_ptr     asked  = infill(make_session(model), {given("a"), open_gap(0), given("b")}, p);
    p.context                   = MAGNET_CONTEXT_DEFAULT;
    const result_ptr by_default = infill(make_session(model), {given("a"), open_gap(0), given("b")}, p);
    CHECK(by_default->n_prompt_tokens == 5);
    CHECK(ids(by_default->spans[0]) == ids(asked->spans[0]));

    magnet_result *                r     = nullptr;
    const std::vector<magnet_part> parts = {given("a"), open_gap(0), given("b")};
    p.context                            = MAGNET_CONTEXT_FIM;
    const model_ptr hybrid               = load_model(merged(MAGNET_CONTEXT_HYBRID));
    check_fails(magnet_infill(make_session(hybrid).get(), parts.data(), 3, &p, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                {"HYBRID", "FIM"});

    // adapters that were trained for a context; the model's own, where theirs is left
    for (const char * const trained_for : {"hybrid", "ordered"}) {
        const bool        is_hybrid = std::string(trained_for) == "hybrid";
        const std::string path      = scratch_path("fim-adapter.gguf");
        write_adapter(path, "llama", random_lora({{"blk.0.attn_q.weight", 32, 32, {}, {}}}, 2, 1.0f, 1), 4.0f, [&](gguf_context * gguf) {
            magnet::write_recipe(magnet::recipe(), gguf);
            gguf_set_val_str(gguf, "magnet.infill.context", trained_for);
        });
        const adapter_ptr adapter = load_adapter(model, path);
        const session_ptr session = make_session(model);
        magnet_adapter *  list[]  = {adapter.get()};
        require_ok(magnet_session_set_adapters(session.get(), list, nullptr, 1));
        p         = middle(bias, 4);
        p.context = MAGNET_CONTEXT_DEFAULT; // the adapter's, which has no prompt
        CHECK(infill(session, parts, p)->n_prompt_tokens == 2);
        p.context = MAGNET_CONTEXT_FIM;
        if (is_hybrid) {
            check_fails(magnet_infill(session.get(), parts.data(), 3, &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"adapter", "HYBRID", "FIM"});
            require_ok(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0));
        }
        CHECK(infill(session, parts, p)->n_prompt_tokens == 5);
    }
}

TEST_CASE("fim: what a model or a call cannot have is said") {
    const std::vector<magnet_part> parts = {given("a"), open_gap(0), given("b")};
    magnet_infill_params           p     = middle();
    magnet_result *                r     = nullptr;
    const auto fails = [&](const vocabulary & v, int32_t status, std::initializer_list<const char *> words) {
        const session_ptr session = make_session(load_model(write(v)));
        check_fails(magnet_infill(session.get(), parts.data(), 3, &p, &r), status, words);
        CHECK(r == nullptr);
    };
    fails(plain, MAGNET_STATUS_UNSUPPORTED, {"FIM", "ORDERED, HYBRID and LEFT"});
    const magnet_fim_file file = {"a.py", "A = 1"};
    p.fim.files                = &file;
    p.fim.n_files              = 1;
    fails(granite, MAGNET_STATUS_UNSUPPORTED, {"separates files", "fim.files"});
    p.context = MAGNET_CONTEXT_ORDERED;
    fails(qwen, MAGNET_STATUS_INVALID_ARGUMENT, {"fim.files", "FIM only"});
    p                = middle();
    p.fim.repository = "shop";
    fails(codegemma, MAGNET_STATUS_UNSUPPORTED, {"repository"});
    p.fim            = {};
    p.fim.n_files    = 1;
    fails(qwen, MAGNET_STATUS_INVALID_ARGUMENT, {"fim.files"});
    p.fim = {nullptr, "\xff", nullptr, 0};
    fails(qwen, MAGNET_STATUS_INVALID_ARGUMENT, {"fim.path", "UTF-8"});
    p.fim        = {};
    p.max_tokens = INT32_MAX;
    fails(qwen, MAGNET_STATUS_TOO_LONG, {"1024"});
    const std::string     much = std::string(3000, '1');
    const magnet_fim_file large = {"a.py", much.c_str()};
    p.fim                       = {nullptr, nullptr, &large, 1};
    p.max_tokens                = 4;
    fails(qwen, MAGNET_STATUS_TOO_LONG, {"1024", "fim.files takes 30", "leave some out"});

    // "<|fim_suffix|>" in a text is text
    const model_ptr model = load_model(write(qwen));
    p                     = middle();
    p.max_tokens          = 1;
    CHECK(infill(make_session(model), {given("<|fim_suffix|>"), open_gap(0), given("")}, p)->n_prompt_tokens == 14 + 3);

    std::vector<magnet_slot> slots(128);
    int32_t                  n = 0;
    require_ok(magnet_layout(model.get(), parts.data(), 3, MAGNET_CONTEXT_DEFAULT, slots.data(), 128, &n));
    CHECK(n == 5 + 64); // the prompt, and the places of an open gap
    const std::vector<magnet_part> two = {given("a"), gap(1), gap(1)};
    check_fails(magnet_layout(model.get(), two.data(), 3, MAGNET_CONTEXT_FIM, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"one gap at a time"});
}

TEST_CASE("fim: evaluation scores the gap behind its prompt") {
    const model_ptr   model = load_model(write(qwen));
    const session_ptr session = make_session(model);
    const std::string file  = scratch_path("fim-stories.tsv");
    write_file(file, "one two.\tthree four.\tfive six.\n");
    magnet_eval_params p = params_of(MAGNET_EVAL_INFILL, file);
    const int32_t      fim = MAGNET_CONTEXT_FIM;
    p.infill.contexts   = &fim;
    p.infill.n_contexts = 1;
    magnet_score_params s = magnet_score_default_params();
    s.context             = fim;
    const result_ptr scored = score(session, {given("one two."), filled(" three four."), given(" five six.")}, s);
    const double expected   = std::exp(-scored->spans[0].logprob / scored->spans[0].n_tokens);
    CHECK(figure(evaluate(session, p), "perplexity.fim").value == doctest::Approx(expected));
    p.infill.n_contexts = 0; // all that the model has
    CHECK(figure(evaluate(session, p), "perplexity.fim").value == doctest::Approx(expected));
}
