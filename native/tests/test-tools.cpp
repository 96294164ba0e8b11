// Tools: prompts against Hugging Face's rendering, calls read from answers, grammars of calls, and what strangers write of either.
#include "api.h"
#include "base/error.h"
#include "chat_model.h"
#include "gguf_file.h"
#include "model/chat.h"
#include "model/model.h"
#include "model/tool-calls.h"
#include "session/grammar.h"

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
    CHECK(n == 20);
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

// calls: [name, arguments] of each call that reads, the text of one that does not.
static void check_read(magnet::tool_format format, const std::string & answer, const std::string & content, const json & calls) {
    INFO(answer);
    const magnet::tool_answer found = magnet::read_tool_calls(format, answer);
    CHECK(found.content == content);
    json all = json::array();
    for (const magnet::tool_call & call : found.calls) {
        all.push_back(call.readable ? json::array({call.name, json::parse(call.arguments)}) : json(call.text));
    }
    CHECK(all.dump() == calls.dump());
}

TEST_CASE("tools: calls are read in the form of the model's template") {
    using magnet::tool_format;
    const json f = json::array({"f", {{"a", 1}}}), g = json::array({"g", json::object()});
    const std::string first = R"({"name": "f", "arguments": {"a": 1}})", second = R"({"name": "g", "arguments": {}})";
    using list = json;
    check_read(tool_format::TAGGED, "Hello.", "Hello.", list::array());
    check_read(tool_format::TAGGED, "<tool_call>\n" + first + "\n</tool_call>", "", list::array({f}));
    check_read(tool_format::TAGGED, "I look.\n<tool_call>" + first + "</tool_call>\n<tool_call>\n" + second + "\n</tool_call> Done.", "I look.\n\n Done.",
          list::array({f, g}));
    check_read(tool_format::TAGGED, "<tool_call>\n" + first, "", list::array({f})); // the model's end stood for the tag
    check_read(tool_format::TAGGED, "<tool_call>" + first + "<tool_call>" + second, "", list::array({f, g}));
    check_read(tool_format::TAGGED, "<tool_call>{\"name\": \"f\", \"argu</tool_call>", "", list::array({"{\"name\": \"f\", \"argu"}));
    check_read(tool_format::TAGGED, "<tool_call>{\"name\": \"f\", \"arguments\": 5}</tool_call>", "", list::array({"{\"name\": \"f\", \"arguments\": 5}"}));
    check_read(tool_format::TAGGED, "<tool_call>", "", list::array({""}));
    check_read(tool_format::TAGGED, first, "", list::array({f})); // without the tags
    check_read(tool_format::TAGGED, "\n```json\n" + first + "\n```\n", "", list::array({f})); // in a fence instead
    check_read(tool_format::TAGGED, "```json\n{\"a\": 1}\n```", "```json\n{\"a\": 1}\n```", list::array());
    for (const char * const text : {"```", "``````", "```json\n```", "```\n", "``` {\"name\": \"f\"}```"}) {
        check_read(tool_format::TAGGED, text, std::string(text).substr(0, std::string(text).find_last_not_of('\n') + 1), list::array());
    }
    check_read(tool_format::LISTED, "[TOOL_CALLS][" + first + ", " + second + "]</s>", "", list::array({"[" + first + ", " + second + "]</s>"}));
    check_read(tool_format::LISTED, "[TOOL_CALLS] [" + first + ", " + second + "]", "", list::array({f, g}));
    check_read(tool_format::LISTED, "[" + first + "]", "", list::array({f}));
    check_read(tool_format::LISTED, "[1, 2] are numbers", "[1, 2] are numbers", list::array());
    check_read(tool_format::PARAMETERS, R"({"name": "f", "parameters": {"a": 1}})", "", list::array({f}));
    check_read(tool_format::PARAMETERS, R"(<|python_tag|>{"name": "f", "parameters": {"a": 1}}; {"name": "g", "parameters": {}})", "", list::array({f, g}));
    check_read(tool_format::PARAMETERS, R"({"name": "f", "parameters": "{\"a\": 1}"})", "", list::array({f}));
    check_read(tool_format::PARAMETERS, R"({"a": 1})", R"({"a": 1})", list::array());
    check_read(tool_format::PARAMETERS, R"({"name": "f", "parameters": {"a)", "", list::array({R"({"name": "f", "parameters": {"a)"}));
    check_read(tool_format::PLAIN, " " + first + "\n", "", list::array({f}));
    check_read(tool_format::PLAIN, std::string(100000, ';'), std::string(100000, ';'), list::array());
    check_read(tool_format::TAGGED, "<tool_call>" + std::string(100000, '['), "", list::array({std::string(100000, '[')}));
}

TEST_CASE("tools: JSON alone is a call only of a tool that was offered, where it is known which were") {
    const json        tools = json::parse(R"([{"type": "function", "function": {"name": "f"}}, {"name": "g"}])");
    const std::string tom   = R"({"name": "Tom", "arguments": {}})";
    const auto        read  = [&](const std::string & answer) { return magnet::read_tool_calls(magnet::tool_format::TAGGED, answer, tools); };
    for (const char * const name : {"f", "g"}) {
        CHECK(read(std::string(R"({"name": ")") + name + R"(", "arguments": {}})").calls.at(0).name == name);
    }
    CHECK(read(tom).calls.empty());
    CHECK(read(tom).content == tom);
    CHECK(read("<tool_call>" + tom + "</tool_call>").calls.at(0).name == "Tom"); // meant as one: the caller can say so
}

TEST_CASE("tools: calls that Qwen3-Coder's own template writes are read as they were") {
    const json all = json::parse(std::ifstream(golden("tools.json")));
    int        n   = 0;
    for (const json & one : all["cases"]) {
        if (one["template"] != "qwen3-coder.jinja") {
            continue;
        }
        const std::string prompt = one["prompt"], turn = "<|im_start|>assistant\n", end = "<|im_end|>";
        size_t            at     = 0;
        for (const json & message : one["messages"]) {
            if (!message.contains("tool_calls")) {
                continue;
            }
            at = prompt.find(turn, at) + turn.size();
            const std::string         written = prompt.substr(at, prompt.find(end, at) - at);
            const magnet::tool_answer found   = magnet::read_tool_calls(magnet::tool_format::XML, written, one["tools"]);
            INFO(written);
            CHECK(found.content == "");
            REQUIRE(found.calls.size() == message["tool_calls"].size());
            for (size_t i = 0; i < found.calls.size(); ++i) {
                const json & function = message["tool_calls"][i]["function"];
                CHECK(found.calls[i].readable);
                CHECK(found.calls[i].name == function["name"]);
                CHECK(json::parse(found.calls[i].arguments) == function["arguments"]);
                ++n;
            }
        }
    }
    CHECK(n == 4);
    const std::string source = read_file(std::string(getenv("MAGNET_TEST_DATA")) + "/data/chat/qwen3-coder.jinja");
    CHECK(magnet::tool_format_of(source) == magnet::tool_format::XML);
}

TEST_CASE("tools: texts of XML are what the tool's schema says, or what they look like where nobody knows") {
    const json tools = json::parse(R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
        "text": {"type": "string"}, "count": {"type": "integer"}, "flag": {"type": "boolean"}, "list": {"type": "array"},
        "maybe": {"type": ["string", "null"]}, "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "word": {"enum": ["5", "6"]}, "other": {"$ref": "#/$defs/t"}, "lost": {"$ref": "#/$defs/none"}, "any": {}},
        "$defs": {"t": {"type": "string"}}}}}])");
    const auto argument = [](const json & offered, const std::string & name, const std::string & value) {
        const std::string answer = "<tool_call>\n<function=f>\n<parameter=" + name + ">\n" + value + "\n</parameter>\n</function>\n</tool_call>";
        const magnet::tool_answer found = magnet::read_tool_calls(magnet::tool_format::XML, answer, offered);
        INFO(answer);
        REQUIRE(found.calls.size() == 1);
        REQUIRE(found.calls[0].readable);
        return json::parse(found.calls[0].arguments)[name];
    };
    CHECK(argument(tools, "text", "5") == "5");
    CHECK(argument(tools, "text", "[1]") == "[1]");
    CHECK(argument(tools, "text", "a\n\n b ") == "a\n\n b ");
    CHECK(argument(tools, "text", "") == "");
    CHECK(argument(tools, "text", "</tool_call> </parameter>, </function>") == "</tool_call> </parameter>, </function>");
    CHECK(argument(tools, "text", "\"quoted\"") == "\"quoted\"");
    CHECK(argument(tools, "count", "5") == 5);
    CHECK(argument(tools, "count", "five") == "five");
    CHECK(argument(tools, "flag", "true") == true);
    CHECK(argument(tools, "flag", "False") == false);
    CHECK(argument(tools, "list", "[{\"a\": false}, 2]") == json::array({{{"a", false}}, 2}));
    CHECK(argument(tools, "maybe", "null") == nullptr);
    CHECK(argument(tools, "maybe", "5") == "5");
    CHECK(argument(tools, "either", "5") == 5);
    CHECK(argument(tools, "either", "{no JSON") == "{no JSON");
    CHECK(argument(tools, "word", "5") == "5");
    CHECK(argument(tools, "other", "5") == "5");
    CHECK(argument(tools, "lost", "5") == 5);
    CHECK(argument(tools, "any", "5") == 5);
    CHECK(argument(tools, "unknown", "5") == 5);
    CHECK(argument(tools, "unknown", "True") == "True");
    CHECK(argument(nullptr, "text", "5") == 5);
    CHECK(argument(nullptr, "text", "x") == "x");
}

TEST_CASE("tools: XML that is none stays as it was written") {
    const auto check = [](const std::string & answer, const std::string & content, const json & calls) {
        check_read(magnet::tool_format::XML, answer, content, calls);
    };
    const json        f = json::array({"f", {{"a", 1}}}), g = json::array({"g", json::object()});
    const std::string first = "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>", second = "<function=g>\n</function>";
    using list = json;
    check("Hello.", "Hello.", list::array());
    check("I look.\n<tool_call>\n" + first + "\n</tool_call>\n<tool_call>\n" + second + "\n</tool_call>", "I look.", list::array({f, g}));
    check("I look.\n" + first + "\n</tool_call>", "I look.", list::array({f})); // the model went straight to it
    check("<tool_call>" + first + second + "</tool_call>", "", list::array({f, g}));
    check("<tool_call>" + first, "", list::array({f})); // the model's end stood for the tag
    check("<tool_call><function=f><parameter=a>1</parameter></function></tool_call>", "", list::array({f}));
    check("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>", "", list::array({f})); // as its elder sisters
    // cut by a limit: what it calls is not all there
    check("<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n", "", list::array({"<function=f>\n<parameter=a>\n1\n</parameter>"}));
    check("<tool_call>\n<function=f>\n<parameter=a>\n1", "", list::array({"<function=f>\n<parameter=a>\n1"}));
    check("<tool_call><function=f></tool_call> and " + second, "and", list::array({"<function=f>", g}));
    check("<tool_call><function=></function></tool_call>", "", list::array({"<function=></function>"}));
    check("Write <function=f> to call.", "Write <function=f> to call.", list::array());
    std::string many, none;
    for (int i = 0; i < 3000; ++i) {
        many += "<function=a><parameter=b></parameter>";
        none += "<tool_call>";
    }
    check(many, many, list::array());
    CHECK(magnet::read_tool_calls(magnet::tool_format::XML, none).calls.size() == 3000);
}

TEST_CASE("tools: a forced call of XML has any text, which ends at its tag, and values by their schemas") {
    const model_ptr    model = chat_model("{{ tools }}<tool_call><function=<parameter=");
    const char * const tools = R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["b"],
        "properties": {"a": {"type": "string", "enum": ["x\ny", "z"]}, "b": {"type": "string"}, "c": {"$ref": "#/$defs/n"},
        "d": {"$ref": "#/$defs/short"}, "e": {"type": ["string", "null"]}},
        "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/yes"}, "maxItems": 1}, "yes": {"const": true},
        "short": {"type": "string", "minLength": 1, "maxLength": 2}}}}}])";
    const auto      reader = magnet::model::load(golden("tiny-qwen2.gguf"), magnet_model_default_params());
    magnet::grammar grammar(*reader, grammar_of(model, tools, "f").c_str(), nullptr);
    using list              = std::vector<std::pair<std::string, std::string>>;
    const auto follows = [&](const list & arguments) {
        std::string call = "<tool_call>\n<function=f>\n";
        for (const auto & [name, value] : arguments) {
            call += "<parameter=" + name + ">\n" + value + "\n</parameter>\n";
        }
        call += "</function>\n</tool_call>";
        grammar.restart();
        for (const int32_t token : reader->tokenize(call, false, false)) {
            if (!grammar.allows(token)) {
                return false;
            }
            grammar.accept(token);
        }
        const magnet::tool_answer found = magnet::read_tool_calls(magnet::tool_format::XML, call, json::parse(tools));
        REQUIRE(found.calls.size() == 1);
        REQUIRE(found.calls[0].readable); // what the grammar allows is read
        const json read = json::parse(found.calls[0].arguments);
        for (const auto & [name, value] : arguments) {
            CHECK((name >= "c" && name != "d" ? read[name].dump() : read[name].get<std::string>()) == value);
        }
        return grammar.allows(llama_vocab_eos(reader->vocab()));
    };
    CHECK(follows({{"b", ""}}));
    CHECK(follows({{"b", "any text\n\n with \"quotes\", <b>tags</b>, < / </para </parameter <</parameter \u00e9"}}));
    CHECK(follows({{"b", "b"}, {"a", "x\ny"}, {"c", "[true]"}, {"d", "ab"}, {"e", "null"}}));
    CHECK(follows({{"b", "b"}, {"c", "[]"}, {"e", "\"text\""}}));
    CHECK(!follows({}));
    CHECK(!follows({{"a", "z"}}));
    CHECK(!follows({{"a", "z"}, {"b", "b"}})); // required ones come first
    CHECK(!follows({{"b", "</parameter>"}}));
    CHECK(!follows({{"b", "b"}, {"a", "y"}}));
    CHECK(!follows({{"b", "b"}, {"c", "[false]"}}));
    CHECK(!follows({{"b", "b"}, {"c", "[true, true]"}}));
    CHECK(!follows({{"b", "b"}, {"d", ""}}));
    CHECK(!follows({{"b", "b"}, {"d", "abc"}}));
    CHECK(!follows({{"b", "b"}, {"e", "text"}}));
    CHECK(!follows({{"b", "b"}, {"f", "text"}}));

    const auto refused = [&](const char * parameters, std::initializer_list<const char *> words) {
        const std::string list = R"([{"function": {"name": "f", "parameters": )" + std::string(parameters) + "}}]";
        int32_t           n    = 0;
        check_fails(magnet_tool_grammar(model.get(), list.c_str(), nullptr, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, words);
    };
    refused(R"({"properties": {"a": {"type": "number", "multipleOf": 3}}})", {"tool 0 (f)", "/properties/a", "multipleOf"});
    refused(R"({"properties": {"a": {"type": "string", "pattern": "a"}}})", {"tool 0 (f)", "/properties/a", "pattern"});
    refused(R"({"properties": {"a>b": {"type": "string"}}})", {"tool 0 (f)", "a>b"});
    refused(R"({"required": ["a"]})", {"tool 0 (f)", "\"a\""});
    refused(R"({"anyOf": [{"properties": {"a": {}}}]})", {"tool 0 (f)", "anyOf", "properties"});
    magnet_tool_calls * calls = nullptr;
    check_fails(magnet_tool_calls_read(model.get(), "[5]", text("x"), &calls), MAGNET_STATUS_INVALID_ARGUMENT, {"tool 0"});
}

TEST_CASE("tools: a forced call is a call, with arguments that its schema allows") {
    std::mt19937 random(1);
    for (const char * const source : {"{{ tools }}<tool_call>", "{{ tools }}<tool_call><function=<parameter=", "{{ tools }}[TOOL_CALLS]", "{{ tools }}\"parameters\"", "{{ tools }}"}) {
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
                require_ok(magnet_tool_calls_read(model.get(), weather, text(result->spans[0].text), &calls));
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
    check_fails(magnet_tool_calls_read(deaf.get(), nullptr, text("x"), &calls), MAGNET_STATUS_UNSUPPORTED, {"tools"});
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
