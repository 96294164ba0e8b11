// How parts become tokens with positions and roles: magnet_layout, written out by hand.
#include "api.h"

#include <cstring>

using namespace magnet::testing;

namespace {

constexpr int32_t S = MAGNET_ROLE_SPAN, C = MAGNET_ROLE_CONTEXT, O = MAGNET_ROLE_ORDERED;

std::vector<std::vector<int32_t>> layout(const model_ptr & model, const std::vector<magnet_part> & parts,
                                         int32_t context) {
    const int32_t n_parts = (int32_t)parts.size();
    int32_t       n       = 0;
    require_ok(magnet_layout(model.get(), parts.data(), n_parts, context, nullptr, 0, &n));
    std::vector<magnet_slot> slots(n);
    require_ok(magnet_layout(model.get(), parts.data(), n_parts, context, slots.data(), n, &n));
    std::vector<std::vector<int32_t>> out;
    for (const magnet_slot & s : slots) {
        out.push_back({s.token, s.pos, s.role, s.part});
    }
    return out;
}

using slots = std::vector<std::vector<int32_t>>;

// tiny-gpt2: the byte b is the token 4 + b.
int32_t id(char c) {
    return 4 + (uint8_t)c;
}

} // namespace

TEST_CASE("layout: a gap between texts, by context") {
    const model_ptr                model   = load_tiny("gpt2");
    const std::vector<magnet_part> parts   = {given("ab"), gap(2), given("cd")};
    const slots                    ordered = {{id('a'), 0, O, 0}, {id('b'), 1, S, 0}, {-1, 2, S, 1},
                                              {-1, 3, S, 1},      {id('c'), 4, O, 2}, {id('d'), 5, O, 2}};
    CHECK(layout(model, parts, MAGNET_CONTEXT_ORDERED) == ordered);
    CHECK(layout(model, parts, MAGNET_CONTEXT_DEFAULT) == ordered);
    CHECK(layout(model, parts, MAGNET_CONTEXT_HYBRID) == slots{{id('a'), 0, C, 0},
                                                               {id('b'), 1, C, 0},
                                                               {-1, 2, S, 1},
                                                               {-1, 3, S, 1},
                                                               {id('c'), 4, C, 2},
                                                               {id('d'), 5, C, 2}});
}

TEST_CASE("layout: LEFT is all causal, and what is right of the gap follows at once") {
    const model_ptr model = load_tiny("gpt2");
    CHECK(layout(model, {given("ab"), filled("x", 5), given("c")}, MAGNET_CONTEXT_LEFT) ==
          slots{{id('a'), 0, S, 0}, {id('b'), 1, S, 0}, {id('x'), 2, S, 1}, {id('c'), 3, S, 2}});
}

TEST_CASE("layout: gaps that hold text keep the room that they were given") {
    const model_ptr model = load_tiny("gpt2");
    CHECK(layout(model, {given("a"), filled("x", 4), given("b")}, MAGNET_CONTEXT_ORDERED) ==
          slots{{id('a'), 0, S, 0}, {id('x'), 1, S, 1}, {id('b'), 5, O, 2}});
    CHECK(layout(model, {given("a"), filled("xy", 0, 3), given("b")}, MAGNET_CONTEXT_HYBRID) ==
          slots{{id('a'), 0, C, 0}, {id('x'), 1, S, 1}, {id('y'), 2, S, 1}, {id('b'), 4, C, 2}});
    // more text than room: what follows moves on
    CHECK(layout(model, {given("a"), filled("xyz", 0, 1), given("b")}, MAGNET_CONTEXT_ORDERED).back() ==
          std::vector<int32_t>{id('b'), 4, O, 2});

    int32_t           n       = 0;
    const magnet_part parts[] = {given("a"), filled("xyz", 2)};
    check_fails(magnet_layout(model.get(), parts, 2, 0, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT,
                {"part 1", "2", "3"});
}

TEST_CASE("layout: adjacent gaps, empty texts, an open gap") {
    const model_ptr model = load_tiny("gpt2");
    CHECK(layout(model, {given("a"), gap(1), gap(2), given(""), given("b")}, MAGNET_CONTEXT_ORDERED) ==
          slots{{id('a'), 0, S, 0}, {-1, 1, S, 1}, {-1, 2, S, 2}, {-1, 3, S, 2}, {id('b'), 4, O, 4}});
    const slots open = layout(model, {given("a"), open_gap(3), given("b")}, MAGNET_CONTEXT_ORDERED);
    CHECK(open.size() == 5);
    CHECK(open.back() == std::vector<int32_t>{id('b'), 4, O, 2});
}

TEST_CASE("layout: the space before a gap goes into the gap") {
    const model_ptr model = load_tiny("gpt2");
    magnet_part     kept  = given("ab ");
    kept.keep_space       = true;
    for (const int32_t context : {MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_LEFT}) {
        const auto same = [&](const std::vector<magnet_part> & a, const std::vector<magnet_part> & b) {
            CHECK(layout(model, a, context) == layout(model, b, context));
        };
        same({given("ab "), gap(2), given(" cd")}, {given("ab"), gap(2), given(" cd")});
        same({given("ab "), open_gap(3), given("cd")}, {given("ab"), open_gap(3), given("cd")});
        same({given("ab "), filled("x"), given("cd")}, {given("ab"), filled(" x"), given("cd")});
        same({given("ab  "), filled("x", 4), given("cd")}, {kept, filled(" x", 4), given("cd")});
        same({given("a"), filled("x"), given(" "), gap(2)}, {given("a"), filled("x"), given(""), gap(2)});
        same({given(" "), gap(2)}, {given(""), gap(2)});
    }
    // not into the second of two gaps, nor into a text; but past an empty text
    const slots two = {{id('a'), 0, S, 0}, {-1, 1, S, 1}, {-1, 2, S, 2}};
    CHECK(layout(model, {given("a "), gap(1), gap(1)}, MAGNET_CONTEXT_ORDERED) == two);
    CHECK(layout(model, {given("a "), given("b"), gap(1)}, MAGNET_CONTEXT_ORDERED) ==
          slots{{id('a'), 0, O, 0}, {id(' '), 1, O, 0}, {id('b'), 2, S, 1}, {-1, 3, S, 2}});
    CHECK(layout(model, {given("a "), given(""), gap(1)}, MAGNET_CONTEXT_ORDERED) ==
          slots{{id('a'), 0, S, 0}, {-1, 1, S, 2}});
    CHECK(layout(model, {gap(1), given("a ")}, MAGNET_CONTEXT_ORDERED).back() == std::vector<int32_t>{id(' '), 3, O, 1});
    // unless it is asked to stay
    CHECK(layout(model, {kept, gap(1)}, MAGNET_CONTEXT_ORDERED) ==
          slots{{id('a'), 0, O, 0}, {id('b'), 1, O, 0}, {id(' '), 2, S, 0}, {-1, 3, S, 1}});
    CHECK(layout(model, {kept, filled("x")}, MAGNET_CONTEXT_ORDERED).back() == std::vector<int32_t>{id('x'), 3, S, 1});
}

TEST_CASE("layout: BOS in front, where the vocabulary asks for it or a gap needs it") {
    // llama: BOS 1, a space in front of the first text alone (259), byte b is the token 3 + b
    const model_ptr llama = load_tiny("llama");
    CHECK(layout(llama, {given("a"), gap(1), given("b")}, MAGNET_CONTEXT_ORDERED) ==
          slots{{1, 0, O, -1}, {259, 1, O, 0}, {3 + 'a', 2, S, 0}, {-1, 3, S, 1}, {3 + 'b', 4, O, 2}});
    CHECK(layout(llama, {gap(1), given("b")}, MAGNET_CONTEXT_HYBRID) ==
          slots{{1, 0, C, -1}, {-1, 1, S, 0}, {3 + 'b', 2, C, 1}});

    // gpt2: has a BOS (0), but texts do not begin with it
    CHECK(layout(load_tiny("gpt2"), {gap(1), given("b")}, MAGNET_CONTEXT_ORDERED) ==
          slots{{0, 0, S, -1}, {-1, 1, S, 0}, {id('b'), 2, O, 1}});
}

TEST_CASE("layout: what is no template") {
    const model_ptr model = load_tiny("gpt2");
    int32_t         n     = 0;
    const auto      fails = [&](const magnet_part & part, int32_t context, int32_t status, const char * word) {
        const magnet_part parts[] = {given("a"), part};
        check_fails(magnet_layout(model.get(), parts, 2, context, nullptr, 0, &n), status, {word});
    };
    fails({2, text("a"), 0, 0, false}, 0, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails({-1, text("a"), 0, 0, false}, 0, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails(gap(-1), 0, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails(gap(INT32_MIN), 0, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails(open_gap(-1), 0, MAGNET_STATUS_INVALID_ARGUMENT, "part 1");
    fails(gap(1), -1, MAGNET_STATUS_INVALID_ARGUMENT, "context");
    fails(gap(1), 5, MAGNET_STATUS_INVALID_ARGUMENT, "context");
    check_fails(magnet_layout(model.get(), nullptr, 0, 0, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, {"parts"});
    check_fails(magnet_layout(model.get(), nullptr, -1, 0, nullptr, 0, &n), MAGNET_STATUS_INVALID_ARGUMENT, {"parts"});

    // longer than the model reads (256), also by its positions alone
    fails(gap(256), 0, MAGNET_STATUS_TOO_LONG, "256");
    fails(gap(INT32_MAX), 0, MAGNET_STATUS_TOO_LONG, "256");
    fails(open_gap(INT32_MAX), 0, MAGNET_STATUS_TOO_LONG, "256");
    const magnet_part far[] = {given("a"), filled("x", INT32_MAX), given("b")};
    check_fails(magnet_layout(model.get(), far, 3, 0, nullptr, 0, &n), MAGNET_STATUS_TOO_LONG, {"256"});
    std::vector<magnet_part> many(1000, gap(INT32_MAX));
    check_fails(magnet_layout(model.get(), many.data(), 1000, 0, nullptr, 0, &n), MAGNET_STATUS_TOO_LONG, {"256"});
}
