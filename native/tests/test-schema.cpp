// JSON schemas: texts that a random model writes by them are JSON and as they say, and schemas that strangers write end nothing.
#include "api.h"
#include "base/stack.h"
#include "gguf_file.h"
#include "schema/schema.h"

#include <nlohmann/json.hpp>

#include <regex>

using namespace magnet::testing;
using json = nlohmann::ordered_json;

namespace {

struct fixture {
    fixture() {
        const std::string path = scratch_path("schema.gguf");
        write_control_model(path, {"<|end|>"}, false, false);
        model   = load_model(path);
        session = make_session(model);
    }

    int32_t run(const std::string & schema, int64_t seed, int32_t n_tokens, float temperature = 1.5f) {
        magnet_generate_params p = magnet_generate_default_params();
        p.sampling               = {};
        p.sampling.temperature   = temperature;
        p.sampling.top_p = p.sampling.repeat_penalty = 1.0f;
        p.sampling.seed   = seed;
        p.sampling.schema = schema.c_str();
        p.max_tokens      = n_tokens;
        int32_t status    = 0;
        magnet::with_stack(256 << 10, [&] { // as small as a Java thread's may be
            magnet_result * result = nullptr;
            status                 = magnet_generate(session.get(), text("a"), &p, &result);
            message                = magnet_last_error();
            if (result) {
                written  = result->spans[0].text;
                complete = result->spans[0].stop == MAGNET_STOP_GRAMMAR;
            }
            magnet_result_free(result);
        });
        return status;
    }

    // Texts that were written to their end.
    std::vector<json> values(const std::string & schema, int wanted = 6, int32_t n_tokens = 500, float temperature = 1.5f) {
        std::vector<json> out;
        for (int64_t seed = 0; seed < 40 && (int)out.size() < wanted; ++seed) {
            const int32_t status = run(schema, seed, n_tokens, temperature);
            INFO("schema: ", schema, ", message: ", message);
            REQUIRE(status == MAGNET_STATUS_OK);
            if (complete) {
                INFO("text: ", written);
                REQUIRE(json::accept(written));
                out.push_back(json::parse(written));
            }
        }
        INFO("schema: ", schema);
        CHECK(out.size() == (size_t)wanted);
        return out;
    }

    void refuses(const std::string & schema, std::initializer_list<const char *> words) {
        INFO("schema: ", schema.substr(0, 200));
        CHECK(run(schema, 0, 2) == MAGNET_STATUS_INVALID_ARGUMENT);
        INFO("message: ", message);
        CHECK(message.find("the schema") == 0);
        CHECK(message.size() < 1000);
        for (const char * word : words) {
            INFO("expected in it: ", word);
            CHECK(message.find(word) != std::string::npos);
        }
    }

    model_ptr   model;
    session_ptr session;
    std::string message, written;
    bool        complete = false;
};

std::string nested(int n) {
    std::string s = "{}";
    for (int i = 0; i < n; ++i) {
        s = R"({"type": "object", "required": ["a"], "properties": {"a": )" + s + "}}";
    }
    return s;
}

json many(const char * key, int n, const json & one) {
    json s = {{"type", "object"}, {key, json::object()}};
    for (int i = 0; i < n; ++i) {
        s[key]["p" + std::to_string(i)] = one;
    }
    return s;
}

} // namespace

TEST_CASE_FIXTURE(fixture, "schema: integers are in their range, whichever ends it has") {
    for (const auto & [low, high] : std::vector<std::pair<int64_t, int64_t>>{
             {0, 0}, {-3, 5}, {-20, -3}, {7, 12345}, {99, 101}, {100, 100}, {-1000, -999}, {1, 9}, {18, 30000000}}) {
        const std::string lower = R"("minimum": )" + std::to_string(low), upper = R"("maximum": )" + std::to_string(high);
        for (const json & value : values(R"({"type": "integer", )" + lower + ", " + upper + "}")) {
            CHECK(value >= low);
            CHECK(value <= high);
        }
        for (const json & value : values(R"({"type": "integer", )" + lower + "}")) {
            CHECK(value >= low);
        }
        for (const json & value : values(R"({"type": "integer", )" + upper + "}")) {
            CHECK(value <= high);
        }
    }
    for (const json & value : values(R"({"type": "integer", "exclusiveMinimum": 1.5, "exclusiveMaximum": 4})")) {
        CHECK((value == 2 || value == 3));
    }
}

TEST_CASE_FIXTURE(fixture, "schema: strings have their pattern, format and length") {
    for (const char * const pattern : {"^a.c$", "b+", "^(x|yy|)z?[0-9a-f]{2,3}$", "[^a-z]{3}", "\\d{3}-\\w\\W\\S", "a\\.b\\\\\"c", "^(?:q|[\\]])$|^r$",
                                       "[-a\\]]+?", "/", "a{0}b{2,}", "(())c"}) {
        const std::regex regex(pattern);
        // hot, so that whichever random model this is comes to an end
        for (const json & value : values(json{{"type", "string"}, {"pattern", pattern}}.dump(), 6, 500, 5.0f)) {
            INFO("pattern: ", pattern, ", value: ", value.dump());
            CHECK(std::regex_search(value.get<std::string>(), regex));
        }
    }
    for (const json & value : values(R"({"type": "string", "minLength": 2, "maxLength": 3})")) {
        CHECK(value.get<std::string>().size() >= 2); // all characters of the model are ASCII; an escape may make them more bytes
        CHECK(value.dump().size() <= 3 * 6 + 2);
    }
    for (const json & value : values(R"({"type": "string", "format": "date"})")) {
        CHECK(std::regex_match(value.get<std::string>(), std::regex("\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])")));
    }
}

TEST_CASE_FIXTURE(fixture, "schema: a property may have no name, or one that a rule of a grammar has") {
    for (const char * const name : {"", "root", "answer", "value", "string", "-"}) {
        const json schema = {{"type", "object"}, {"properties", {{name, {{"const", 1}}}, {"b", {{"const", 2}}}}}, {"required", {"b", name}}};
        for (const json & value : values(schema.dump())) {
            CHECK(value == json{{name, 1}, {"b", 2}});
        }
        CHECK(values(json{{"anyOf", {schema}}}.dump())[0] == json{{name, 1}, {"b", 2}});
    }
}

TEST_CASE_FIXTURE(fixture, "schema: references are kept apart, whatever they are called") {
    const std::string schema = R"({"type": "array", "prefixItems": [{"$ref": "#/$defs/a_b"}, {"$ref": "#/$defs/a-b"}, {"$ref": "#/$defs/a~1b"}],
        "$defs": {"a_b": {"enum": [1]}, "a-b": {"enum": [2]}, "a/b": {"enum": [3]}}})";
    for (const json & value : values(schema)) {
        CHECK(value == json::array({1, 2, 3}));
    }
    for (const json & value : values(R"({"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false})")) {
        for (const json * at = &value; !at->empty(); at = &(*at)["next"]) {
            CHECK(at->size() == 1);
        }
    }
}

TEST_CASE_FIXTURE(fixture, "schema: what is none is refused with its place") {
    refuses("{\"type\":\n  nothing}", {"line 2, column 4"});
    refuses("", {"no JSON"});
    refuses("5", {"expected a schema", "integer"});
    refuses("false", {"allows nothing"});
    refuses("\xFF", {"UTF-8"});
    refuses(R"({"type": "text"})", {"\"text\"", "string"});
    refuses(R"({"type": "object", "properties": {"a/b": {"items": 7}}})", {"at /properties/a~1b/items", "integer"});
    refuses(R"({"properties": 7})", {"\"properties\" must be an object"});
    refuses(R"({"type": "object", "required": "a"})", {"required"});
    refuses(R"({"type": "string", "maxLength": 3, "type": "integer"})", {"the field \"type\" is there twice"});
    for (const char * const number : {"123456789012345678901234567890", "-1e30", "[{\"a\": 18446744073709551616}]"}) {
        refuses(std::string(R"({"const": )") + number + "}", {"too large to be kept exactly"});
    }
    refuses(R"({"enum": []})", {"enum"});
    refuses(R"({"type": "string", "enum": [1]})", {"allows no value of its type"});
    refuses(R"({"type": "integer", "minimum": 5, "maximum": 4})", {"range"});
    refuses(R"({"type": "array", "minItems": 5, "maxItems": 4})", {"minItems"});
    for (const char * const key : {"minLength", "maxLength", "minItems", "maxItems"}) { // more than llama.cpp counts
        refuses(json{{"type", {"string", "array"}}, {key, 2001}}.dump(), {key, "[0, 2000]"});
    }
    refuses(R"({"type": "string", "pattern": "a{0,2001}"})", {"more than 2000 repetitions"});
    refuses(R"({"type": "string", "pattern": "(a"})", {"the pattern \"(a\"", "nothing closes"});
    refuses("{\"type\": \"string\", \"pattern\": \"a)\"}", {"closes nothing"});
    refuses(R"({"type": "string", "pattern": "*"})", {"nothing to repeat"});
    refuses(R"({"$ref": "#/$defs/none"})", {"leads nowhere"});
    refuses(R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})", {"circle"});
    refuses(R"({"required": ["a"], "additionalProperties": false})", {"\"a\"", "allows none"});
}

TEST_CASE_FIXTURE(fixture, "schema: one that requires itself without end is refused, one that has a way out is not") {
    refuses(R"({"properties": {"n": {"$ref": "#"}}, "required": ["n"]})", {"requires itself without end"});
    refuses(R"({"type": "array", "minItems": 1, "items": {"$ref": "#"}})", {"requires itself without end"});
    refuses(R"({"type": "array", "prefixItems": [{"type": "null"}, {"$ref": "#"}]})", {"requires itself without end"});
    refuses(R"({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"properties": {"y": {"$ref": "#/$defs/y"}}, "required": ["y"]},
                "y": {"anyOf": [{"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/x"}}, {"$ref": "#/$defs/x"}]}}})",
            {"at /$defs/", "requires itself without end"});
    for (const char * const schema : {R"({"properties": {"n": {"$ref": "#"}}})", R"({"type": "array", "items": {"$ref": "#"}})",
                                      R"({"properties": {"n": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["n"]})",
                                      R"({"anyOf": [{"properties": {"n": {"$ref": "#"}}, "required": ["n"]}, {"type": "null"}]})"}) {
        INFO(schema);
        CHECK(run(schema, 0, 2) == MAGNET_STATUS_OK);
    }
}

TEST_CASE_FIXTURE(fixture, "schema: what is not supported is named") {
    for (const char * const keyword : {"not", "if", "multipleOf", "uniqueItems", "contains", "patternProperties", "propertyNames", "minProperties",
                                       "dependentRequired"}) {
        refuses(json{{"type", {"object", "array", "number"}}, {keyword, {{"a", 1}}}}.dump(), {keyword, "not supported"});
    }
    refuses(R"({"type": "number", "minimum": 0})", {"minimum", "integer"});
    refuses(R"({"type": "string", "format": "uri"})", {"\"uri\"", "date-time", "pattern"});
    refuses(R"({"type": "string", "format": "date", "maxLength": 4})", {"format", "not supported"});
    refuses(R"({"$ref": "other.json"})", {"other.json", "not supported"});
    refuses(R"({"$ref": "#", "minLength": 3})", {"minLength", "$ref"});
    refuses(R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", {"oneOf", "anyOf"});
    refuses(R"({"allOf": [{"type": "string"}, {"minLength": 2}]})", {"allOf"});
    refuses(R"({"anyOf": [{}], "minimum": 3})", {"minimum", "anyOf"});
    for (const char * const pattern : {"(?=a)", "\\\\bword", "(a)\\\\1", "a^b", "\\\\p{L}", "x{2", "x++"}) {
        refuses(std::string(R"({"type": "string", "pattern": ")") + pattern + "\"}", {"the pattern"});
    }
    refuses(R"({"type": "string", "pattern": "[\"]"})", {"JSON escapes"});
    magnet_generate_params p = magnet_generate_default_params();
    p.sampling.grammar       = "root ::= \"a\"";
    p.sampling.schema        = "{}";
    magnet_result * r        = nullptr;
    check_fails(magnet_generate(session.get(), text("a"), &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"sampling.grammar", "sampling.schema"});
}

TEST_CASE_FIXTURE(fixture, "schema: those that are deep, long, or refer to themselves end nothing") {
    CHECK(run(nested(20), 0, 4) == MAGNET_STATUS_OK);
    refuses(nested(100), {"nest more than 50 deep"});
    refuses(std::string(200000, '['), {"nest more than 50 deep"});
    refuses(R"({"enum": [")" + std::string(300000, 'a') + "\"]}", {"bytes"});
    refuses(json{{"type", "string"}, {"minLength", 1000000}}.dump(), {"[0, 2000]"});
    refuses(json{{"type", "string"}, {"pattern", std::string(200000, 'a')}}.dump(), {"too much"});
    refuses(json{{"type", "string"}, {"pattern", std::string(2000, '(') + std::string(2000, ')')}}.dump(), {"50 deep"});
    refuses(many("properties", 1000, {{"type", "integer"}}).dump(), {"256 properties"});
    refuses(json{{"properties", {{std::string(1000, 'n'), true}}}}.dump(), {"name", "256"});

    json chain = {{"$ref", "#/$defs/p0"}, {"$defs", json::object()}}; // each refers to the next
    for (int i = 0; i < 2000; ++i) {
        chain["$defs"]["p" + std::to_string(i)] = {{"type", "array"}, {"items", {{"$ref", "#/$defs/p" + std::to_string((i + 1) % 2000)}}}};
    }
    CHECK(run(chain.dump(), 0, 4) == MAGNET_STATUS_OK);
    run(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})", 0, 4);
    run(R"({"allOf": [{"$ref": "#"}]})", 0, 4);
    run(R"({"allOf": [{"$ref": "#/$defs/a"}, {}], "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}})", 0, 4);
    run(R"({"type": "string", "pattern": "((((a*)*)*)*)*"})", 0, 4);
    CHECK(run("{}", 0, 4) == MAGNET_STATUS_OK); // the session works on
}
