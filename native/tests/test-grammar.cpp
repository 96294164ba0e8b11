// Grammars that strangers write: none ends or hangs the process, on a thread whose stack is as small as Java's may be.
#include "api.h"
#include "base/stack.h"
#include "gguf_file.h"
#include "model/model.h"
#include "session/grammar.h"

#include "gguf.h"

#include <algorithm>
#include <random>
#include <set>

using namespace magnet::testing;

namespace {

constexpr size_t small_stack = 256 << 10;

std::string repeated(const std::string & s, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) {
        out += s;
    }
    return out;
}

std::string groups(int n) {
    return "root ::= " + std::string(n, '(') + "\"a\"" + std::string(n, ')') + "\n";
}

// first i ::= first i+1 ..., n rules, the last a character.
std::string chain(int n, const std::string & between) {
    std::string g = "root ::= r0\n";
    for (int i = 0; i < n; ++i) {
        const std::string next = "r" + std::to_string(i + 1);
        g += "r" + std::to_string(i) + " ::= " + next + between + "\n";
    }
    return g + "r" + std::to_string(n) + " ::= \"a\"\n";
}

// r0 begins with r1 by two ways, that with r2 by two ways, and so on.
std::string doubling(int n) {
    std::string g = "root ::= r0\n";
    for (int i = 0; i < n; ++i) {
        const std::string next = "r" + std::to_string(i + 1);
        g += "r" + std::to_string(i) + " ::= " + next + " \"x\" | s" + next + " \"y\"\ns" + next + " ::= " + next + "\n";
    }
    return g + "r" + std::to_string(n) + " ::= \"a\"\n";
}

struct fixture {
    model_ptr   model   = load_tiny("qwen2");
    session_ptr session = make_session(model);

    int32_t run(const std::string & grammar, const char * root = nullptr, int32_t n_tokens = 4, int32_t likely = 4) {
        int32_t status = 0;
        magnet::with_stack(small_stack, [&] {
            const magnet_logit_bias bias = {likely, 1000.0f};
            magnet_generate_params  p    = greedy(n_tokens);
            p.sampling.logit_bias        = &bias;
            p.sampling.n_logit_bias      = 1;
            p.sampling.grammar       = grammar.c_str();
            p.sampling.grammar_root  = root;
            magnet_result * r        = nullptr;
            status                   = magnet_generate(session.get(), text("a"), &p, &r);
            message                  = magnet_last_error();
            magnet_result_free(r);
        });
        return status;
    }

    void refuses(const std::string & grammar, const std::string & reason, const char * root = nullptr) {
        INFO("grammar: ", grammar.substr(0, 200));
        CHECK(run(grammar, root) == MAGNET_STATUS_INVALID_ARGUMENT);
        INFO("message: ", message);
        CHECK(message.find("the grammar") == 0);
        CHECK(message.find(reason) != std::string::npos);
        CHECK(message.size() < 600);
    }

    void takes(const std::string & grammar) {
        INFO("grammar: ", grammar.substr(0, 200));
        const int32_t status = run(grammar);
        INFO("message: ", message);
        CHECK(status == MAGNET_STATUS_OK);
    }

    std::string message;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "grammars that nest: counted where they do, not where they say so") {
    takes(groups(100));
    refuses(groups(101), "groups");
    refuses(groups(100000), "groups");
    // parentheses that close only in what is no group
    refuses("root ::= " + repeated("( # )\n", 5000) + "\"a\" " + repeated(")", 5000), "groups");
    refuses("root ::= " + repeated("( \")\" ", 5000) + repeated(")", 5000), "groups");
    refuses("root ::= " + repeated("( [)\\]] ", 5000) + repeated(")", 5000), "groups");
    refuses("root ::= " + repeated("( ", 100000) + "\"a\"", "groups");
    // and open only there
    takes("root ::= " + repeated("\"(\" ", 400));
    takes("root ::= " + repeated("[(] ", 400) + "# " + std::string(400, '('));
    takes("root ::= " + repeated("(\"a\") ", 400));
}

TEST_CASE_FIXTURE(fixture, "grammars whose rules begin with one another") {
    refuses("root ::= root \"a\" | \"b\"", "left recursion");
    refuses("root ::= x \"a\"\nx ::= y\ny ::= root", "left recursion");
    refuses("root ::= e root \"y\" | \"x\"\ne ::= f\nf ::= \"\"", "left recursion"); // behind what can be empty
    refuses("root ::= (e* root)? \"y\"\ne ::= \"e\"", "left recursion");
    takes("root ::= ([a]*)*");
    // what repeats may be empty, and what begins with itself has nothing behind it to wait for
    takes("root ::= x*\nx ::= \"\" | \"b\" | \"a\"");
    takes("root ::= (\"\" | \"a\")*");
    takes("root ::= (\"\" | \"a\")+ \"b\"");
    takes("root ::= .***");
    takes("root ::= (\"a\"?){0,3}* [a]");
    takes("root ::= root | \"a\"");
    takes("root ::= x\nx ::= y\ny ::= x | \"a\"");
    refuses("root ::= \"a\"\n  x ::= \"b\"* x \"c\" | \"d\"", "line 2, column 3: the rule \"x\" can begin with itself");
    refuses("root ::= \"a\" x\nx ::= x", "line 2, column 1: the rule \"x\" can begin with nothing but itself");
    refuses("root ::= \"a\"\nx ::= \"\" y\ny ::= x", "can begin with nothing but itself");
    takes("root ::= (ws item?)*\nws ::= [ ]*\nitem ::= \"i\" ws");
    takes("root ::= \"a\" root | \"b\"");
    takes(chain(400, ""));
    takes(chain(400, " \"x\""));
    refuses(chain(600, ""), "chain");
    refuses(chain(20000, " \"x\""), "chain");
    refuses(doubling(40), "ways");
    const auto starts = [](int n) { // each with another character
        std::string g = "root ::= \"\\u4e00\"";
        for (int i = 1; i < n; ++i) {
            char escape[16];
            std::snprintf(escape, sizeof(escape), "\\u%04x", 0x4e00 + i);
            g += std::string(" | \"") + escape + "\"";
        }
        return g;
    };
    takes(starts(5000));
    refuses(starts(5001), "the rule \"root\" can begin in more than 5000 ways");
}

TEST_CASE_FIXTURE(fixture, "grammars with a fault in their text: where it is and what should be there") {
    refuses("root", "line 1, column 5: expected ::=, found the end of the grammar");
    refuses("root = \"a\"", "line 1, column 6: expected ::=, found \"=\"");
    refuses("root ::= \"a\" )", "line 1, column 14: expected the end of the rule, found \")\"");
    refuses("root ::= (\"a\"", "line 1, column 14: expected \")\", found the end of the grammar");
    refuses("root ::= b\nb ::= (\n\"a\"\n}", "line 4, column 1: expected \")\", found \"}\"");
    refuses("# \"quoted\n\nroot ::= \"\u00e9\" $", "line 3, column 14: expected the end of the rule, found \"$\"");
    refuses("root ::= \"\u00e9\" \u4e16\u754c", "line 1, column 14: expected the end of the rule, found \"\u4e16\"");
    refuses("root ::= \"a\n", "line 1, column 10: a literal that nothing closes");
    refuses("root ::= \"x]\" [^a\n\"", "line 1, column 15: a class that nothing closes");
    refuses("root ::= \"\\q\"", "line 1, column 11: \"\\q\" is no escape");
    refuses("root ::= \"\\x1g\"", "line 1, column 13: expected 2 hexadecimal digits, found \"1g\"");
    refuses("root ::=\n  * \"a\"", "line 2, column 3: there is nothing before \"*\"");
    refuses("root ::= {3}", "line 1, column 10: there is nothing before \"{\"");
    refuses("root ::= \"a\"{x}", "line 1, column 14: expected a number, found \"x\"");
    refuses("root ::= \"a\"{3;4}", "line 1, column 15: expected \",\" or \"}\", found \";\"");
    refuses("root ::= \"a\"{3,x}", "line 1, column 16: expected \"}\", found \"x\"");
    refuses("root ::= \"a\"\n= x", "line 2, column 1: expected the name of a rule");
    refuses("root ::= \"other\" | [other] | other", "line 1, column 30: there is no rule \"other\"");
    refuses("root ::= x y\nx ::= \"a\"", "line 1, column 12: there is no rule \"y\"");
    refuses("root ::= <nothing>", "line 1, column 10: <nothing> is no token of this model");
    refuses("root ::= <[1x]>", "line 1, column 13: expected \"]\", found \"x\"");
    refuses("other ::= \"a\"", "there is no rule \"root\" to begin with");
    refuses("root ::= x\nx ::= (x \"a\")?", "the rule \"x\" can begin with itself");
    refuses("root ::= \"a\"\n | \"b\"{4,2}", "line 2, column 7: it repeats");
}

TEST_CASE_FIXTURE(fixture, "a repetition of what may be empty allows what it says") {
    const auto says = [&](const std::string & grammar, const std::string & expected, int32_t n_tokens = 20) {
        INFO("grammar: ", grammar);
        const magnet_logit_bias bias = {4 + 'b', 1000.0f};
        magnet_generate_params  p    = greedy(n_tokens);
        p.sampling.logit_bias        = &bias;
        p.sampling.n_logit_bias      = 1;
        p.sampling.grammar           = grammar.c_str();
        magnet_result * r            = nullptr;
        require_ok(magnet_generate(session.get(), text("a"), &p, &r));
        CHECK(r->spans[0].text == expected);
        magnet_result_free(r);
    };
    says("root ::= x* \"c\"\nx ::= \"\" | []", "c");
    says("root ::= (\"\" | x)+ \"d\"\nx ::= \"\"", "d");
    says("root ::= x*\nx ::= \"\" | \"b\"", "bbbbb", 5);
    says("root ::= (\"\" | \"b\"){0,3} \"c\"", "bbbc");
    says("root ::= root | \"b\" \"c\"", "bc");
}

TEST_CASE_FIXTURE(fixture, "grammars whose text is read, but not as it is written") {
    const std::string last = std::to_string(info_of(model).n_vocab - 1), none = std::to_string(info_of(model).n_vocab);
    takes("root ::= <[" + last + "]> | \"a\"");
    takes("root ::= !<[00000000000000000000" + last + "]>");
    for (const std::string & id : std::vector<std::string>{none, "99999999", "99999999999", "4294967338", "18446744073709551658",
                                                           "99999999999999999999999"}) {
        refuses("root ::= (\"<[1]>\" # <[999]>\n  <[" + id + "]>)", "line 2, column 3: there is no token " + id.substr(0, 20));
        refuses("root ::= (\"a\" | !<[" + id + "]>)*", "this model has 0 to " + last);
    }
    refuses("root ::= (\"<|nope|>\" [<|nope|>]\n <|nope|>)", "line 2, column 2: <|nope|> is no token of this model");

    refuses("root ::= \"a\\uD800\"", "line 1, column 12: \\uD800 is one half of a surrogate pair");
    refuses("root ::= \"\\uD83D\\uDE00\"", "line 1, column 11: \\uD83D is one half");
    refuses("root ::= [\\U0000DFFF]", "line 1, column 11: \\U0000DFFF is one half");
    refuses("root ::= [^a-\\uD800]", "line 1, column 14: \\uD800 is one half");
    refuses("root ::= \"\\U00110000\"", "line 1, column 11: \\U00110000 is no character");
    refuses("root ::= [\\U0010FFFF\\UFFFFFFFF]", "line 1, column 21: \\UFFFFFFFF is no character");
    refuses("root ::= [a-\\U00110000]", "line 1, column 13: \\U00110000 is no character");
    takes("root ::= \"\\uD7FF\" | [\\u0000-\\uD7FF\\uE000-\\U0010FFFF] | \"\\U0001F600\"");

    refuses("root ::= [éz-a]", "line 1, column 12: the range z-a is backwards; write a-z");
    refuses("root ::= [^\\]-\\[]", "line 1, column 12: the range \\]-\\[ is backwards");
    refuses("root ::= [😀-é]", "is backwards");
    takes("root ::= [a-] | [-a] | [^-] | [a-a] | [\\]-a] | [z\\-a]");

    refuses("root ::= x\nx ::= \"a\"\n\n  x ::= \"b\"", "line 4, column 3: the rule \"x\" is there already, at line 2, column 1");
    refuses("root ::= \"a\"\nroot ::= root", "line 2, column 1: the rule \"root\" is there already, at line 1, column 1");
}

TEST_CASE_FIXTURE(fixture, "grammars that repeat") {
    takes("root ::= \"a\"{0,2000}");
    takes("root ::= (\"a\"?){0,400}");
    refuses("root ::= \"a\"{5,2}", "at least 5 and at most 2");
    refuses("root ::= (\"a\"){ 5 , 2 }", "at least 5 and at most 2");
    takes("root ::= \"a\"{2000,}");
    for (const char * const many : {"{2001}", "{1,2001}", "{2001,}", "{100000}", "{1,1000000000}", "{1,99999999999999999999}",
                                    "{ # }\n 99999999999999999999}", "{1, # 2\n 3000}"}) {
        refuses("root ::= [b]\n  \"a\"" + std::string(many), "more than 2000 repetitions");
    }
    refuses("root ::= \"b\" |\n \"a\"{1,3000}", "line 2, column 5: it asks for");
    refuses("root ::= \"" + std::string(100000, 'a') + "\"{2000}", "too large");
    refuses("root ::= " + repeated("\"" + std::string(50, 'a') + "\"{1,2000} ", 2000), "too large");
    refuses("root ::= \"a\"{100}{100}{100}", "");
    refuses("root ::= \"a\" #" + std::string(2 << 20, ' '), "bytes");
}

TEST_CASE_FIXTURE(fixture, "grammars: roots and references that are not there, tokens, text that is none") {
    refuses("root ::= \"a\"", "start", "start");
    refuses("root ::= \"a\"", "\"\"", "");
    refuses("root ::= other", "other");
    refuses("root ::= <" + std::string(300000, 'a') + ">", "<token>");
    refuses("root ::= (\"a\")", "\"root_1\"", "root_1"); // what the parser calls that group
    refuses("root ::= <[999999999999999999999999]>", "there is no token 99999999999999999999...");
    refuses("root ::= \xFF", "UTF-8");
    refuses("", "empty");
    takes("root ::= <|end|> | \"a\"");
    takes("root ::= [a-z]+ | [] \"b\" | [^] \"c\"");
}

TEST_CASE_FIXTURE(fixture, "a grammar that can be read in twice as many ways after every character is given up") {
    const char * const grammar = "root ::= x | y | \"z\"\nx ::= \"a\" root \"b\"\ny ::= \"a\" root \"c\"";
    CHECK(run(grammar, nullptr, 60, 4 + 'a') == MAGNET_STATUS_INVALID_ARGUMENT);
    CHECK(message.find("ambiguous") != std::string::npos);
    takes("root ::= [a-c]+"); // the session works on
}

TEST_CASE("a token that is long does not use up the stack") {
    const std::string path = scratch_path("long-token.gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path, [](gguf_context * gguf) {
        const int64_t            key = gguf_find_key(gguf, "tokenizer.ggml.tokens");
        std::vector<std::string> tokens;
        for (size_t i = 0; i < gguf_get_arr_n(gguf, key); ++i) {
            tokens.push_back(gguf_get_arr_str(gguf, key, i));
        }
        tokens.back() = std::string(20000, 'a');
        std::vector<const char *> list;
        for (const std::string & token : tokens) {
            list.push_back(token.c_str());
        }
        gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", list.data(), list.size());
    });
    const model_ptr   model   = load_model(path);
    const session_ptr session = make_session(model);
    for (const int32_t wanted : {4 + 'b', info_of(model).n_vocab - 1}) { // forbidden; the long one
        magnet::with_stack(small_stack, [&] {
            const magnet_logit_bias bias = {wanted, 1000.0f};
            magnet_generate_params  p    = greedy(2);
            p.sampling.grammar           = "root ::= [a]+";
            p.sampling.logit_bias        = &bias;
            p.sampling.n_logit_bias      = 1;
            magnet_result * r            = nullptr;
            require_ok(magnet_generate(session.get(), text("a"), &p, &r));
            const std::string all = r->spans[0].text;
            CHECK(!all.empty());
            CHECK(all.find_first_not_of('a') == std::string::npos);
            magnet_result_free(r);
        });
    }
}

TEST_CASE_FIXTURE(fixture, "grammars made at random are followed or refused") {
    static const char * const pieces[] = {"(",  ")",      "(",     "\"a\"", "\"(\"", "[a-c]", "[^(]", "*",    "?",      "+",
                                          "|",  "\"\"",   "{2}",   "{0,9}", "{3,1}", "{40}",  "{,}",  "root", "x",      "y",
                                          "\n", "x ::= ", "y ::= ", "# (",   "\"",    "[",     "<",    "<a>",  "!<[7]>", "."};
    std::mt19937              random(4);
    int                       n_taken = 0;
    for (int i = 0; i < 1500; ++i) {
        std::string g = "root ::= ";
        for (uint32_t k = random() % 14; k > 0; --k) {
            g += std::string(pieces[random() % (sizeof(pieces) / sizeof(*pieces))]) + " ";
        }
        if (random() % 2) {
            g += "\nx ::= y \"x\" | \"a\"\ny ::= \"y\" x | root? \"b\"\n";
        }
        INFO("grammar: ", g);
        const int32_t status = run(g, nullptr, 3);
        INFO("message: ", message);
        CHECK((status == MAGNET_STATUS_OK || status == MAGNET_STATUS_INVALID_ARGUMENT));
        n_taken += status == MAGNET_STATUS_OK;
    }
    CHECK(n_taken > 50);
}

TEST_CASE("a list of twenty thousand words allows what the words allow, and no more") {
    const auto            reader = magnet::model::load(golden("tiny-qwen2.gguf"), magnet_model_default_params());
    std::mt19937          random(5);
    std::set<std::string> words; // sorted: those with a prefix are neighbours
    while (words.size() < 20000) {
        std::string word;
        for (uint32_t n = 1 + random() % 9; n > 0; --n) {
            word += char('a' + random() % 6);
        }
        words.insert(word);
    }
    std::vector<std::string> shuffled(words.begin(), words.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::string text = "root ::= \"<\" (";
    for (const std::string & word : shuffled) {
        text += (text.back() == '(' ? "\"" : " | \"") + word + "\"";
    }
    text += " | [x-z] \"1\" | [x-z] \"2\" | [x-y] \"3\") \">\"";
    magnet::grammar grammar(*reader, text.c_str(), nullptr);

    const auto token = [](char c) { return int32_t(4 + (unsigned char) c); };
    const auto is    = [&](const std::string & begun) { // checks what may follow it
        grammar.restart();
        grammar.accept(token('<'));
        for (const char c : begun) {
            grammar.accept(token(c));
        }
        for (char c = 'a'; c <= 'g'; ++c) {
            const auto first = words.lower_bound(begun + c);
            const bool any   = first != words.end() && first->compare(0, begun.size() + 1, begun + c) == 0;
            CHECK(grammar.allows(token(c)) == any);
        }
        CHECK(grammar.allows(token('>')) == (words.count(begun) > 0));
    };
    is("");
    for (int i = 0; i < 300; ++i) {
        const std::string & word = shuffled[random() % shuffled.size()];
        INFO("word: ", word);
        is(word.substr(0, random() % (word.size() + 1)));
    }
    for (const auto & [begun, next] : std::vector<std::pair<std::string, std::string>>{{"x", "123"}, {"z", "12"}}) {
        grammar.restart();
        grammar.accept(token('<'));
        grammar.accept(token(begun[0]));
        for (char c = '0'; c <= '4'; ++c) {
            CHECK(grammar.allows(token(c)) == (next.find(c) != std::string::npos));
        }
    }
}

TEST_CASE_FIXTURE(fixture, "a grammar that allows nothing further before its end is no complete text") {
    const auto fails = [&](const std::string & grammar, int32_t likely) {
        INFO("grammar: ", grammar);
        CHECK(run(grammar, nullptr, 5, 4 + likely) == MAGNET_STATUS_INVALID_ARGUMENT);
        CHECK(message.find("the grammar allows nothing behind the text so far") == 0);
    };
    fails("root ::= \"a\" [^\\x00-\\U0010FFFF]", 'a');
    fails("root ::= [^\\x00-\\U0010FFFF]", 'a');
    fails("root ::= \"a\" | \"b\" [^\\x00-\\U0010FFFF]", 'b'); // another way would have led to an end
    takes("root ::= \"a\"");

    std::vector<magnet_logit_bias> bias = {{4 + 'b', -INFINITY}};
    magnet_generate_params         p    = greedy(5);
    p.sampling.logit_bias               = bias.data();
    p.sampling.n_logit_bias             = 1;
    p.sampling.grammar                  = "root ::= \"ab\"";
    magnet_result * r                   = nullptr;
    check_fails(magnet_generate(session.get(), text("a"), &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"logit_bias forbids"});
}

TEST_CASE_FIXTURE(fixture, "alternatives that begin alike are joined, and stay what they are") {
    const auto says = [&](const std::string & grammar, const std::string & likely, const std::string & expected) {
        INFO("grammar: ", grammar);
        std::vector<magnet_logit_bias> bias;
        for (const char c : likely) {
            bias.push_back({4 + (unsigned char) c, 1000.0f - 10.0f * (float) bias.size()});
        }
        magnet_generate_params p = greedy(20);
        p.sampling.logit_bias    = bias.data();
        p.sampling.n_logit_bias  = (int32_t) bias.size();
        p.sampling.grammar       = grammar.c_str();
        magnet_result * r        = nullptr;
        require_ok(magnet_generate(session.get(), text("a"), &p, &r));
        CHECK(r->spans[0].text == expected);
        magnet_result_free(r);
    };
    says("root ::= \"ab\" | \"ab\" | \"abc\" | \"abd\" | \"ab\"", "dab", "abd");
    says("root ::= x \"a\" | x \"b\" | x\nx ::= \"c\" | \"c\" \"d\"", "bdc", "cb");
    says("root ::= [ab] \"c\" | [ab] \"d\" | [ba] \"e\"", "eab", "ae");
    says("root ::= \"a\" (\"b\" root | \"b\" \"c\" | ) \"z\"", "cbz", "abcz");
    says("root ::= | \"a\" | | \"ab\"", "ab", "ab");
    refuses("root ::= \"a\" | x\nx ::= x \"b\" | x \"c\"", "line 2, column 1: the rule \"x\" can begin with itself");
}
