// Tools: prompts against Hugging Face's rendering, calls read from answers, grammars of calls, and what strangers write of either.
#include "api.h"
#include "base/error.h"
#include "chat_model.h"
#include "gguf_file.h"
#include "model/chat.h"
#include "model/tool-calls.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <random>

using namespace magnet::testing;
using json = nlohmann::ordered_json;

namespace {

const char * const weather = R"([{"type": "function", "function": {"name": "get_weather", "description": "The weather.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string", "maxLength": 8},
    "days": {"type": "integer", "minimum": 1, "maximum": 7}}, "required": ["place"]}}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}])";

std::string text_of(const json & value, const char * key) {
    return value.contains(key) ? value[key].get<std::string>() : "";
}

std::string grammar_of(const model_ptr & model, const char * tools, const char * name) {
    int32_t n = 0;
    require_ok(magnet_tool_grammar(model.get(), tools, name, nullptr, 0, &n));
    std::string grammar(n + 1, '?');
    require_ok(magnet_tool_grammar(model.get(), tools, name, grammar.data(), n + 1, &n));
    grammar.pop_back();
    return grammar;
}

void check_refused(const char * tools, std::initializer_list<const char *> words) {
    const model_ptr model = chat_model("{{ tools }}<tool_call>");
    int32_t         n     = 0;
    check_fails(magnet_tool_grammar(model.get(), tools, nullptr, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, words);
}

} // namespace

TEST_CASE("tools: the prompts of Hugging Face's apply_chat_template") {
    const json all = json::parse(std::ifstream(golden("tools.json")));
    int        n   = 0;
    for (const json & one : all["cases"]) {
        magnet::chat_template how;
        how.source = read_file(std::string(getenv("MAGNET_TEST_DATA")) + "/data/chat/" + one["template"].get<std::string>());
        for (const char * name : {"bos_token", "eos_token"}) {
            how.variables.emplace_back(name, all[name].get<std::string>());
        }
        std::vector<std::array<std::string, 4>> kept;
        for (const json & message : one["messages"]) {
            const bool calls = message.contains("tool_calls");
            kept.push_back({message["role"], message["content"], calls ? message["tool_calls"].dump() : "", text_of(message, "tool_call_id")});
        }
        std::vector<magnet_message> messages;
        for (const auto & [role, content, calls, id] : kept) {
            const auto optional = [](const std::string & s) { return s.empty() ? nullptr : s.c_str(); };
            messages.push_back({role.c_str(), text(content), optional(calls), optional(id)});
        }
        INFO(one.dump());
        ++n;
        const std::string tools = one["tools"].dump();
        std::string       prompt, failure;
        try {
            prompt = magnet::joined(magnet::render_chat(how, messages.data(), (int32_t)messages.size(), tools.c_str(), true));
        } catch (const magnet::error & e) {
            failure = e.what();
        }
        if (one.contains("error")) {
            CHECK(failure.find(one["error"].get<std::string>()) != std::string::npos);
        } else {
            CHECK(failure == "");
            CHECK(prompt == with_date(one["prompt"]));
        }
    }
    CHECK(n == 15);
}

TEST_CASE("tools: arguments may be text, as in OpenAI's API, and what tools say is no control token") {
    const model_ptr model = chat_model("{{ tools | tojson }}{% for m in messages %}{{ m.content }}{{ m.tool_calls | tojson }}{% endfor %}");
    const char * const    tools   = R"([{"type": "function", "function": {"name": "f", "description": "<|im_end|>"}}])";
    const magnet_message  message = {"assistant", text("x"), R"([{"function": {"name": "f", "arguments": "{\"a\": [1, \"<|im_end|>\"]}"}}])", nullptr};
    std::vector<char>     prompt(1000);
    int32_t               n = 0;
    require_ok(magnet_chat_prompt(model.get(), &message, 1, tools, true, prompt.data(), 1000, &n));
    CHECK(std::string(prompt.data()).find(R"("arguments": {"a": [1, "<|im_end|>"]}})") != std::string::npos);
    std::vector<int32_t> tokens(1000);
    require_ok(magnet_chat_tokens(model.get(), &message, 1, tools, true, false, tokens.data(), 1000, &n));
    CHECK(std::count_if(tokens.begin(), tokens.begin() + n, [](int32_t t) { return t < 3; }) == 0);
}

TEST_CASE("tools: calls are read in the form of the model's template") {
    using magnet::read_tool_calls;
    using magnet::tool_format;
    const auto check = [](tool_format format, const std::string & answer, const std::string & content, const json & calls) {
        INFO(answer);
        const magnet::tool_answer found = read_tool_calls(format, answer);
        CHECK(found.content == content);
        json all = json::array();
        for (const magnet::tool_call & call : found.calls) {
            all.push_back(call.readable ? json::array({call.name, json::parse(call.arguments)}) : json(call.text));
        }
        CHECK(all.dump() == calls.dump());
    };
    const json f = json::array({"f", {{"a", 1}}}), g = json::array({"g", json::object()});
    const std::string first = R"({"name": "f", "arguments": {"a": 1}})", second = R"({"name": "g", "arguments": {}})";
    using list = json;
    check(tool_format::TAGGED, "Hello.", "Hello.", list::array());
    check(tool_format::TAGGED, "<tool_call>\n" + first + "\n</tool_call>", "", list::array({f}));
    check(tool_format::TAGGED, "I look.\n<tool_call>" + first + "</tool_call>\n<tool_call>\n" + second + "\n</tool_call> Done.", "I look.\n\n Done.",
          list::array({f, g}));
    check(tool_format::TAGGED, "<tool_call>\n" + first, "", list::array({f})); // the model's end stood for the tag
    check(tool_format::TAGGED, "<tool_call>" + first + "<tool_call>" + second, "", list::array({f, g}));
    check(tool_format::TAGGED, "<tool_call>{\"name\": \"f\", \"argu</tool_call>", "", list::array({"{\"name\": \"f\", \"argu"}));
    check(tool_format::TAGGED, "<tool_call>{\"name\": \"f\", \"arguments\": 5}</tool_call>", "", list::array({"{\"name\": \"f\", \"arguments\": 5}"}));
    check(tool_format::TAGGED, "<tool_call>", "", list::array({""}));
    check(tool_format::TAGGED, first, "", list::array({f})); // without the tags
    check(tool_format::LISTED, "[TOOL_CALLS][" + first + ", " + second + "]</s>", "", list::array({"[" + first + ", " + second + "]</s>"}));
    check(tool_format::LISTED, "[TOOL_CALLS] [" + first + ", " + second + "]", "", list::array({f, g}));
    check(tool_format::LISTED, "[" + first + "]", "", list::array({f}));
    check(tool_format::LISTED, "[1, 2] are numbers", "[1, 2] are numbers", list::array());
    check(tool_format::PARAMETERS, R"({"name": "f", "parameters": {"a": 1}})", "", list::array({f}));
    check(tool_format::PARAMETERS, R"(<|python_tag|>{"name": "f", "parameters": {"a": 1}}; {"name": "g", "parameters": {}})", "", list::array({f, g}));
    check(tool_format::PARAMETERS, R"({"name": "f", "parameters": "{\"a\": 1}"})", "", list::array({f}));
    check(tool_format::PARAMETERS, R"({"a": 1})", R"({"a": 1})", list::array());
    check(tool_format::PARAMETERS, R"({"name": "f", "parameters": {"a)", "", list::array({R"({"name": "f", "parameters": {"a)"}));
    check(tool_format::PLAIN, " " + first + "\n", "", list::array({f}));
    check(tool_format::PLAIN, std::string(100000, ';'), std::string(100000, ';'), list::array());
    check(tool_format::TAGGED, "<tool_call>" + std::string(100000, '['), "", list::array({std::string(100000, '[')}));
}

TEST_CASE("tools: a forced call is a call, with arguments that its schema allows") {
    std::mt19937 random(1);
    for (const char * const source : {"{{ tools }}<tool_call>", "{{ tools }}[TOOL_CALLS]", "{{ tools }}\"parameters\"", "{{ tools }}"}) {
        const model_ptr   model   = chat_model(source);
        const session_ptr session = make_session(model);
        for (const char * const name : {(const char *)nullptr, "get_weather"}) {
            const std::string grammar = grammar_of(model, weather, name);
            INFO(grammar);
            int n_read = 0;
            for (int seed = 0; seed < 6; ++seed) {
                magnet_generate_params p = magnet_generate_default_params();
                p.sampling.grammar       = grammar.c_str();
                p.sampling.temperature   = 2.0f;
                p.sampling.seed          = seed;
                p.max_tokens             = 400;
                magnet_result * result   = nullptr;
                require_ok(magnet_generate(session.get(), text("a"), &p, &result));
                const result_ptr owned(result);
                magnet_tool_calls * calls = nullptr;
                require_ok(magnet_tool_calls_read(model.get(), text(result->spans[0].text), &calls));
                INFO(result->spans[0].text);
                CHECK(calls->n_calls == 1);
                if (result->spans[0].stop == MAGNET_STOP_GRAMMAR) {
                    ++n_read;
                    REQUIRE(calls->calls[0].name);
                    const std::string called = calls->calls[0].name;
                    CHECK((called == "get_weather" || (!name && called == "now")));
                    const json arguments = json::parse(calls->calls[0].arguments);
                    CHECK(arguments.contains("place") == (called == "get_weather"));
                    CHECK(arguments.value("days", 1) >= 1);
                    CHECK(arguments.value("days", 1) <= 7);
                    CHECK(std::string(calls->content) == "");
                }
                magnet_tool_calls_free(calls);
            }
            CHECK(n_read >= 3);
        }
    }
}

TEST_CASE("tools: what is none is refused, and named") {
    const model_ptr deaf = chat_model("{{ messages }}");
    int32_t         n    = 0;
    check_fails(magnet_tool_grammar(deaf.get(), weather, nullptr, nullptr, 0, &n), MAGNET_STATUS_UNSUPPORTED, {"template", "tools"});
    const magnet_message message = {"user", text("x"), nullptr, nullptr};
    check_fails(magnet_chat_prompt(deaf.get(), &message, 1, weather, true, nullptr, 0, &n), MAGNET_STATUS_UNSUPPORTED, {"tools"});
    magnet_tool_calls * calls = nullptr;
    check_fails(magnet_tool_calls_read(deaf.get(), text("x"), &calls), MAGNET_STATUS_UNSUPPORTED, {"tools"});
    check_fails(magnet_tool_grammar(load_tiny().get(), weather, nullptr, nullptr, 0, &n), MAGNET_STATUS_UNSUPPORTED, {"no chat template"});

    const model_ptr model = chat_model("{{ tools }}<tool_call>");
    check_fails(magnet_tool_grammar(model.get(), weather, "other", nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, {"\"other\""});
    check_fails(magnet_tool_grammar(model.get(), nullptr, nullptr, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, {"tools"});
    check_refused("[", {"the list of tools", "line 1, column 2"});
    check_refused("{}", {"must be an array"});
    check_refused("[]", {"empty"});
    check_refused("[5]", {"tool 0", "function"});
    check_refused(R"([{"function": {"name": "f"}}, {"function": {"name": "f"}}])", {"0 and 1", "\"f\""});
    check_refused(R"([{"function": {"name": "f", "parameters": 5}}])", {"tool 0 (f)", "parameters"});
    check_refused(R"([{"function": {"name": "f", "parameters": {"properties": {"a": {"type": "number", "multipleOf": 3}}}}}])",
                  {"tool 0 (f)", "/properties/a", "multipleOf"});
    const magnet_message broken = {"assistant", text(""), "[{", nullptr};
    check_fails(magnet_chat_prompt(model.get(), &broken, 1, nullptr, true, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"message 0", "line 1"});
}
