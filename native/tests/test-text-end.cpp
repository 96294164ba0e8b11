// Where the text of a gap ends: stop strings, lines, sentences and paragraphs, and what it repeats of the text behind it.
#include "api.h"
#include "api_reference.h"
#include "session/text-end.h"

#include <cmath>

using namespace magnet::testing;
using magnet::text_end;

namespace {

struct outcome {
    std::string text;
    std::string streamed;
    int32_t     stop = MAGNET_STOP_NONE;
};

// The text as it would come in pieces of n bytes.
outcome run(const magnet::end_rules & rules, const std::string & all, size_t n) {
    const text_end ends(rules);
    outcome        out;
    for (size_t at = 0; at < all.size(); at += n) {
        out.text += all.substr(at, n);
        if (const text_end::found end = ends.look(out.text, out.streamed.size())) {
            out.text.resize(end.cut);
            out.stop     = end.stop;
            out.streamed = out.text.substr(0, std::max(out.streamed.size(), out.text.size()));
            return out;
        }
        const size_t safe = out.text.size() - ends.held_back(out.text);
        REQUIRE(safe >= out.streamed.size()); // nothing is taken back
        out.streamed = out.text.substr(0, safe);
    }
    if (const text_end::found end = ends.finish(out.text)) {
        out.text.resize(end.cut);
        out.stop = end.stop;
    }
    REQUIRE(out.text.size() >= out.streamed.size());
    out.streamed = out.text;
    return out;
}

void check(const magnet::end_rules & rules, const std::string & all, const std::string & text, int32_t stop) {
    for (const size_t n : {1, 2, 3, 5, 1000}) {
        INFO("\"", all, "\" in pieces of ", n);
        const outcome out = run(rules, all, n);
        CHECK(out.text == text);
        CHECK(out.stop == stop);
    }
}

} // namespace

TEST_CASE("text end: line, sentence and paragraph") {
    const auto until = [](int32_t unit) { return magnet::end_rules{{}, unit, ""}; };
    check(until(MAGNET_UNTIL_LINE), "a + b\n  return c", "a + b", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_LINE), "\n  return c\n}\n", "\n  return c", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_LINE), "a\r\nb", "a", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_LINE), "no line break", "no line break", MAGNET_STOP_NONE);
    check(until(MAGNET_UNTIL_SENTENCE), " He saw Mr. Smith. They left.", " He saw Mr. Smith.", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_SENTENCE), "\"Why?\" he said. Then", "\"Why?\" he said.", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_SENTENCE), " It cost 3.5 coins.", " It cost 3.5 coins.", MAGNET_STOP_NONE);
    check(until(MAGNET_UNTIL_PARAGRAPH), "one\ntwo\n \nthree", "one\ntwo", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_PARAGRAPH), "\n\none\r\n\r\ntwo", "\n\none", MAGNET_STOP_UNTIL);
    check(until(MAGNET_UNTIL_PARAGRAPH), "one\ntwo\n", "one\ntwo\n", MAGNET_STOP_NONE);
}

TEST_CASE("text end: the first of several ends counts") {
    check({{"END", "ND"}, MAGNET_UNTIL_LINE, ""}, "some END\nmore", "some ", MAGNET_STOP_STRING);
    check({{"END"}, MAGNET_UNTIL_LINE, ""}, "some\nEND", "some", MAGNET_STOP_UNTIL);
}

TEST_CASE("text end: a filling that repeats what stands behind its gap is cut") {
    const auto behind = [](const std::string & right) { return magnet::end_rules{{}, MAGNET_UNTIL_NONE, right}; };
    const std::string story = " At last he could sleep in his own bed.";
    check(behind(story), " He found them. At last he could sleep in his own bed. Then", " He found them.", MAGNET_STOP_REPEAT);
    check(behind(story), " He found them.\nAt last he", " He found them.", MAGNET_STOP_REPEAT);    // 8 visible ones at its end
    check(behind(story), " He found them. At last", " He found them. At last", MAGNET_STOP_NONE); // 6 may be chance
    check(behind(story), " At last he woke.", " At last he woke.", MAGNET_STOP_NONE);
    check(behind("\n    return y\n"), " x + 1\n    return y\n", " x + 1", MAGNET_STOP_REPEAT);
    check(behind(")"), "f(x)", "f(x)", MAGNET_STOP_NONE); // a bracket is no evidence
    check(behind(" home."), " went home.", " went", MAGNET_STOP_REPEAT);
    check(behind(""), " anything", " anything", MAGNET_STOP_NONE);
}

TEST_CASE("infill: a gap that was cut is, to the gaps behind it, the text that is left") {
    for (const char * architecture : architectures) {
        const model_ptr       model = load_model(architecture_path(architecture));
        const auto            bias  = only_letters(architecture);
        magnet_session_params sp    = session_params();
        sp.engine                   = MAGNET_ENGINE_GRAPH;
        sp.flash_attention          = 0;
        const session_ptr session   = make_session(model, sp);
        for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_LEFT}) {
            for (const bool adjacent : {false, true}) {
                for (const size_t kept : {0, 1, 3}) {
                    INFO(architecture, ", context ", context, ", adjacent ", adjacent, ", kept ", kept);
                    magnet_infill_params p  = magnet_infill_default_params();
                    p.context               = context;
                    p.sampling.logit_bias   = bias.data();
                    p.sampling.n_logit_bias = (int32_t)bias.size();
                    std::vector<magnet_part> parts = {given("TOM LOST"), open_gap(6), given("AND"), gap(4), given("HOME")};
                    if (adjacent) {
                        parts.erase(parts.begin() + 2);
                    }
                    const std::string whole = infill(session, parts, p)->spans[0].text;
                    REQUIRE(whole.size() == 6);
                    const std::string stop = whole.substr(kept, 3);
                    if (whole.find(stop) != kept) {
                        continue; // random letters repeat themselves
                    }
                    const char * list = stop.c_str();
                    p.ends.stop       = &list;
                    p.ends.n_stop     = 1;
                    const result_ptr r = infill(session, parts, p);
                    CHECK(r->spans[0].stop == MAGNET_STOP_STRING);
                    CHECK(r->spans[0].text == whole.substr(0, kept));
                    const std::string one = r->spans[0].text, two = r->spans[1].text;
                    size_t            gap = 0;
                    for (magnet_part & part : parts) {
                        if (part.type == MAGNET_PART_GAP) {
                            part.text = text(gap++ == 0 ? one : two);
                        }
                    }
                    magnet_score_params s   = magnet_score_default_params();
                    s.context               = context;
                    const result_ptr scored = score(session, parts, s);
                    REQUIRE(ids(scored->spans[1]) == ids(r->spans[1]));
                    for (int32_t k = 0; k < 4; ++k) {
                        CHECK(std::fabs(scored->spans[1].tokens[k].logprob - r->spans[1].tokens[k].logprob) < tolerance);
                    }
                }
            }
        }
    }
}

TEST_CASE("infill: ends that cannot be are refused") {
    const session_ptr              session = make_session(load_tiny("qwen2"));
    const std::vector<magnet_part> parts   = {given("A"), open_gap(2), given("B")};
    magnet_infill_params           p       = magnet_infill_default_params();
    magnet_result *                r       = nullptr;
    p.ends.until                           = 9;
    check_fails(magnet_infill(session.get(), parts.data(), 3, &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"ends.until", "9"});
    p.ends.until      = MAGNET_UNTIL_NONE;
    const char * none = "";
    p.ends.stop       = &none;
    p.ends.n_stop     = 1;
    check_fails(magnet_infill(session.get(), parts.data(), 3, &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"stop string 0"});
}
