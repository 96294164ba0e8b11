// Reading text and pairs, cutting windows, laying out rows.
#include "base/error.h"
#include "base/sentences.h"
#include "golden.h"
#include "magnet-mask.h"
#include "session/layout.h"
#include "test_files.h"
#include "train/batches.h"
#include "train/heldout.h"
#include "train/run.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <numeric>
#include <set>

using namespace magnet;
using namespace magnet::train;
using namespace magnet::testing;

namespace {

enum special { BOS = 256, EOS = 257, MASK = 258, END = 259 };

// One token a byte.
train_vocab byte_vocab() {
    train_vocab v;
    v.tokenize = [](const std::string & text, bool) {
        std::vector<int32_t> tokens;
        for (const char c : text) {
            tokens.push_back(uint8_t(c));
        }
        return tokens;
    };
    v.bos  = BOS;
    v.eos  = EOS;
    v.mask = MASK;
    v.end  = END;
    v.plain.resize(128);
    std::iota(v.plain.begin(), v.plain.end(), 0);
    return v;
}

std::vector<std::string> sentences_of(const std::string & text) {
    std::vector<std::string>  parts;
    const std::vector<size_t> starts = sentence_starts(text);
    for (size_t i = 0; i < starts.size(); ++i) {
        parts.push_back(text.substr(starts[i], (i + 1 < starts.size() ? starts[i + 1] : text.size()) - starts[i]));
    }
    return parts;
}

std::string text_of(const std::vector<int32_t> & tokens) {
    return std::string(tokens.begin(), tokens.end());
}

} // namespace

TEST_CASE("sentences end where a reader would end them") {
    using list = std::vector<std::string>;
    CHECK(sentences_of("Tom ran. He fell!  Why? \"No idea.\" She left.") ==
          list{"Tom ran.", " He fell!", "  Why?", " \"No idea.\"", " She left."});
    CHECK(sentences_of("Mr. Smith met J. Doe at 3.5 p.m. today.") == list{"Mr. Smith met J. Doe at 3.5 p.m. today."});
    CHECK(sentences_of("Title\nFirst. Second\n\nThird") == list{"Title", "\nFirst.", " Second", "\n\nThird"});
    CHECK(sentences_of("一。二！三") == list{"一。", "二！", "三"});
    CHECK(sentences_of("Wait... what? yes.") == list{"Wait... what? yes."});
    CHECK(sentences_of("").empty());
    CHECK(sentences_of("...") == list{"..."});
}

TEST_CASE("a file's documents are what its unit says") {
    const test_folder folder;
    const train_vocab vocab = byte_vocab();
    const std::string path  = folder.write("a.txt", "\xef\xbb\xbfOne. Two.\r\nThree.\n\n  \nFour.");
    const auto        read  = [&](int32_t unit) {
        corpus c;
        read_texts(path, unit, vocab, c);
        std::vector<std::string> texts;
        for (const text_document & d : c.documents) {
            texts.push_back(text_of(d.tokens));
        }
        return texts;
    };
    using list = std::vector<std::string>;
    CHECK(read(MAGNET_TEXT_PARAGRAPHS) == list{"One. Two.\nThree.", "Four."});
    CHECK(read(MAGNET_TEXT_LINES) == list{"One. Two.", "Three.", "Four."});
    CHECK(read(MAGNET_TEXT_FILES) == list{"One. Two.\nThree.\nFour."});

    corpus json;
    read_texts(folder.write("b.jsonl", "{\"text\": \"Caf\\u00e9.\"}\n\n{\"text\": \"Two\"}\n"), MAGNET_TEXT_PARAGRAPHS,
               vocab, json);
    read_texts(folder.write("c.ndjson", "{\"text\": \"Three\"}\n"), MAGNET_TEXT_PARAGRAPHS, vocab, json);
    REQUIRE(json.documents.size() == 3);
    CHECK(text_of(json.documents[0].tokens) == "Caf\xc3\xa9.");
    CHECK(text_of(json.documents[2].tokens) == "Three");
}

TEST_CASE("a bad file is refused with its place") {
    const test_folder folder;
    const train_vocab vocab = byte_vocab();
    corpus            c;
    const auto        texts = [&](const std::string & name, const std::string & text) {
        const std::string path = folder.write(name, text);
        return error_of([&] { read_texts(path, MAGNET_TEXT_PARAGRAPHS, vocab, c); }).substr(path.size() - name.size());
    };
    const auto pairs = [&](const std::string & name, const std::string & text) {
        const std::string path = folder.write(name, text);
        return error_of([&] { read_pairs(path, vocab, {true, true}, c); }).substr(path.size() - name.size());
    };
    CHECK(texts("a.txt", "fine\nl\xe9"
                         "ger\n") ==
          "a.txt:2: not UTF-8 (byte 2 of the line); convert the file first, for instance with iconv.");
    CHECK(texts("a.jsonl", "{\"text\": 3}\n") == "a.jsonl:1: expected a string under \"text\".");
    for (const char * value : {"null", "[\"a\"]", "{}", "true"}) {
        CHECK(texts("a.jsonl", std::string("{\"text\": ") + value + "}\n") ==
              "a.jsonl:1: expected a string under \"text\".");
    }
    CHECK(texts("a.jsonl", "{\"txt\": \"a\"}\n") == "a.jsonl:1: expected a string under \"text\".");
    CHECK(texts("a.jsonl", "\nhello\n") == "a.jsonl:2: not JSON (byte 1 of the line).");
    CHECK(pairs("p.tsv", "a\tb\nc\td\te\n\njust one\n") == "p.tsv:4: expected 2 or 3 tab-separated columns, found 1.");
    CHECK(pairs("p.tsv", "a\tb\tc\td\n") == "p.tsv:1: expected 2 or 3 tab-separated columns, found 4.");
    CHECK(pairs("p.tsv", "a\t\n") == "p.tsv:1: the second text is empty.");
    CHECK(pairs("p.jsonl", "{\"anchor\": \"a\"}") == "p.jsonl:1: expected a string under \"positive\".");
    CHECK(error_of([&] { read_texts(folder / "none.txt", MAGNET_TEXT_FILES, vocab, c); }).find("No such file") !=
          std::string::npos);
}

TEST_CASE("pairs of two and three columns, TSV and JSONL, read alike") {
    const test_folder folder;
    const train_vocab vocab = byte_vocab();
    corpus            tsv, json;
    read_pairs(folder.write("p.tsv", "a\tb\r\nc\td\te\nf\tg\t\n"), vocab, {true, true}, tsv);
    read_pairs(
        folder.write("p.jsonl",
                     "{\"anchor\":\"a\",\"positive\":\"b\"}\n{\"anchor\":\"c\",\"positive\":\"d\",\"negative\":\"e\"}\n"
                     "{\"positive\":\"g\",\"anchor\":\"f\",\"negative\":\"\"}\n"),
        vocab, {true, true}, json);
    REQUIRE(tsv.pairs.size() == 3);
    REQUIRE(json.pairs.size() == 3);
    for (size_t i = 0; i < 3; ++i) {
        CHECK(tsv.pairs[i].anchor == json.pairs[i].anchor);
        CHECK(tsv.pairs[i].positive == json.pairs[i].positive);
        CHECK(tsv.pairs[i].negative == json.pairs[i].negative);
        CHECK(tsv.pairs[i].negative.size() == (i == 1 ? 1 : 0));
    }
}

TEST_CASE("windows cover a document and end with its sentences") {
    const train_vocab   vocab = byte_vocab();
    const text_document d =
        tokenize_document("A cat sat here. A dog ran off. The bird sang a very long song indeed. End it now.", vocab);
    std::vector<text_window> windows;
    cut_document(d, 0, 34, 34, windows);
    std::vector<std::string> parts;
    for (const text_window & w : windows) {
        parts.push_back(text_of(std::vector<int32_t>(d.tokens.begin() + w.begin, d.tokens.begin() + w.end)));
    }
    // the third sentence is longer than a window, so it is cut
    CHECK(parts == std::vector<std::string>{"A cat sat here. A dog ran off.", " The bird sang a very long song in",
                                            "deed. End it now."});
}

TEST_CASE("an epoch reads every window once, the next one in another order, and a place can be sought") {
    const train_vocab          vocab = byte_vocab();
    std::vector<text_document> documents;
    for (char c = 'a'; c < 'a' + 20; ++c) {
        documents.push_back(tokenize_document(std::string(10, c), vocab));
    }
    window_order order(documents, 32, 5, draw::text_order);
    CHECK(order.n_windows() == 20);
    std::vector<int32_t> first, second;
    for (int i = 0; i < 20; ++i) {
        first.push_back(order.next().document);
    }
    for (int i = 0; i < 20; ++i) {
        second.push_back(order.next().document);
    }
    CHECK(std::set<int32_t>(first.begin(), first.end()).size() == 20);
    CHECK(std::set<int32_t>(second.begin(), second.end()).size() == 20);
    CHECK(first != second);
    window_order again(documents, 32, 5, draw::text_order);
    again.seek({1, 7});
    CHECK(again.next().document == second[7]);
    CHECK(error_of([&] { window_order({}, 32, 5, draw::text_order); }).find("too short to train on") !=
          std::string::npos);
}

TEST_CASE("roles, positions and labels of a row with two gaps") {
    const train_vocab   vocab = byte_vocab();
    const text_document d     = tokenize_document("abcdefghij", vocab);
    row_options o = train_options().rows;
    o.open_room = 0;
    rng                           r(1, draw::text_row);
    const std::vector<token_span> spans = {{2, 4}, {7, 8}};

    const train_row hybrid = make_text_row(d, {0, 0, 10}, spans, row_mode::hybrid, 0, o, vocab, r);
    const int8_t    C = MAGNET_MASK_CONTEXT, S = MAGNET_MASK_SPAN, O = MAGNET_MASK_ORDERED;
    CHECK(text_of(hybrid.tokens) == "abcdefghij");
    CHECK(hybrid.roles == std::vector<int8_t>{C, C, S, S, C, C, C, S, C, C});
    CHECK(hybrid.pos == std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    const auto labels = [](const std::vector<row_label> & list) {
        std::vector<std::pair<int32_t, int32_t>> out;
        for (const row_label & l : list) {
            out.push_back({l.at, l.target});
        }
        return out;
    };
    using pairs = std::vector<std::pair<int32_t, int32_t>>;
    CHECK(labels(hybrid.msg) == pairs{{1, 'c'}, {2, 'd'}, {3, END}, {6, 'h'}, {7, END}});
    CHECK(hybrid.mntp.empty());

    const train_row ordered = make_text_row(d, {0, 0, 10}, spans, row_mode::ordered, 0.5, o, vocab, r);
    CHECK(ordered.roles == std::vector<int8_t>{O, S, S, S, O, O, S, S, O, O});
    CHECK(labels(ordered.msg) == labels(hybrid.msg));
    CHECK(ordered.mntp.empty()); // its context is causal: a masked token there would be plain denoising

    const train_row causal = make_text_row(d, {0, 2, 6}, spans, row_mode::causal, 0.5, o, vocab, r);
    CHECK(text_of(causal.tokens) == "cdef");
    CHECK(causal.roles == std::vector<int8_t>(4, S));
    CHECK(labels(causal.msg) == pairs{{0, 'd'}, {1, 'e'}, {2, 'f'}});
}

TEST_CASE("a gap at the start is predicted from BOS") {
    const train_vocab   vocab = byte_vocab();
    const text_document d     = tokenize_document("abcdef", vocab);
    row_options o = train_options().rows;
    o.open_room = 0;
    rng             r(1, draw::text_row);
    const train_row row = make_text_row(d, {0, 0, 6}, {{0, 2}}, row_mode::ordered, 0, o, vocab, r);
    CHECK(row.tokens == std::vector<int32_t>{BOS, 'a', 'b', 'c', 'd', 'e', 'f'});
    CHECK(row.roles[0] == MAGNET_MASK_SPAN);
    CHECK(row.msg.size() == 3);
    CHECK(row.msg[0].at == 0);
    CHECK(row.msg[0].target == 'a');
}

// A text with gaps at these characters, as a session is given it: gap by gap a coin says which are open. lead: tokens
// that the vocabulary puts before the first character.
static layout session_layout(const model & m, const std::string & text, const std::vector<token_span> & gaps,
                             int32_t context, int32_t open_room, int32_t lead, rng coin) {
    std::deque<std::string>  texts;
    std::vector<magnet_part> parts;
    const auto               add = [&](int32_t type, int32_t begin, int32_t end) {
        texts.push_back(text.substr(begin, end - begin));
        parts.push_back({type, {texts.back().data(), end - begin}, 0, 0, false});
    };
    int32_t at = 0;
    for (const token_span & g : gaps) {
        add(MAGNET_PART_TEXT, at, g.begin);
        add(MAGNET_PART_GAP, g.begin, g.end);
        (coin.chance(0.5) ? parts.back().max_length : parts.back().length) = g.end - g.begin + (g.begin == 0 ? lead : 0);
        at                                                                 = g.end;
    }
    add(MAGNET_PART_TEXT, at, int32_t(text.size()));
    layout_options options;
    options.filled    = true;
    options.open_room = open_room;
    options.context   = context;
    return make_layout(m, tokenize_parts(m, parts.data(), int32_t(parts.size()), options), options);
}

TEST_CASE("a row of training stands as a session lays out the same template") {
    const std::string                          text  = "abcdefghij";
    const std::vector<std::vector<token_span>> cases = {{{2, 4}, {7, 8}}, {{0, 3}}, {{3, 10}}, {{1, 2}, {3, 6}, {8, 9}}};
    const std::map<row_mode, int32_t>          modes = {{row_mode::hybrid, MAGNET_CONTEXT_HYBRID},
                                                        {row_mode::ordered, MAGNET_CONTEXT_ORDERED},
                                                        {row_mode::causal, MAGNET_CONTEXT_LEFT}};
    const auto compare = [&](const model & m, const std::vector<token_span> & gaps, row_mode mode, uint64_t seed) {
        const train_vocab       vocab = make_train_vocab(model::load_vocabulary(m.path()), "a");
        const text_document     d     = tokenize_document(text, vocab);
        const int32_t           lead  = int32_t(d.tokens.size() - text.size());
        std::vector<token_span> spans;
        for (const token_span & g : gaps) {
            spans.push_back({g.begin == 0 ? 0 : g.begin + lead, g.end + lead});
        }
        row_options o = train_options().rows;
        o.open_room         = 5;
        rng             r    = rng(1, draw::text_row, seed);
        const auto      in   = mode == row_mode::causal ? std::vector<token_span>() : gaps;
        const layout    plan = session_layout(m, text, in, modes.at(mode), o.open_room, lead, r);
        const train_row row  = make_text_row(d, {0, 0, int32_t(d.tokens.size())}, spans, mode, 0, o, vocab, r);
        REQUIRE(row.n_tokens() == int32_t(plan.slots.size()));
        for (int32_t i = 0; i < row.n_tokens(); ++i) {
            CHECK(row.tokens[i] == plan.slots[i].token);
            CHECK(row.pos[i] == plan.slots[i].pos);
            CHECK(row.roles[i] == plan.slots[i].role);
        }
    };
    for (const char * name : {"tiny-gpt2.gguf", "tiny-llama.gguf"}) { // one begins each text with BOS and a space
        CAPTURE(name);
        const auto m = model::load_vocabulary(golden_dir() + name);
        for (const std::vector<token_span> & gaps : cases) {
            for (const auto & mode : modes) {
                for (uint64_t seed = 0; seed < 8; ++seed) {
                    compare(*m, gaps, mode.first, seed);
                }
            }
        }
    }
}

TEST_CASE("half of the gaps are open: they take the same room whatever stands in them") {
    const train_vocab   vocab = byte_vocab();
    const text_document d     = tokenize_document("abcdefghij", vocab);
    row_options o = train_options().rows;
    o.open_room = 5;
    for (const int32_t length : {1, 2, 4, 6}) {
        std::map<int32_t, int> seen; // position of what stands behind the gap
        for (uint64_t i = 0; i < 4000; ++i) {
            rng             r(1, draw::text_row, i);
            const train_row row = make_text_row(d, {0, 0, 10}, {{2, 2 + length}}, row_mode::hybrid, 0, o, vocab, r);
            CHECK(row.pos[1 + length] == 1 + length); // its own tokens stand one by one
            CHECK(row.pos[9] - row.pos[2 + length] == 9 - (2 + length));
            ++seen[row.pos[2 + length]];
        }
        const int32_t exact = 2 + length, open = std::max(exact, 2 + 5);
        CHECK(seen.size() == (exact == open ? 1 : 2));
        CHECK(seen[exact] == doctest::Approx(exact == open ? 4000 : 2000).epsilon(0.06));
        CHECK(seen[open] == doctest::Approx(exact == open ? 4000 : 2000).epsilon(0.06));
    }
    train_vocab without = vocab;
    without.end         = -1; // nothing could tell how long the gap is
    rng             r(3, draw::text_row);
    const train_row row = make_text_row(d, {0, 0, 10}, {{2, 4}}, row_mode::hybrid, 0, o, without, r);
    CHECK(row.pos[9] == 9);
    CHECK(row.msg.size() == 2);
}

TEST_CASE("MNTP picks a fifth of the context: 80 % masked, 10 % random, 10 % as they were") {
    const train_vocab   vocab = byte_vocab();
    const text_document d = tokenize_document(std::string(20000, '\xff'), vocab); // 255 is not among the plain tokens
    row_options o = train_options().rows;
    rng                 r(9, draw::text_row);
    const train_row     row = make_text_row(d, {0, 0, 20000}, {{100, 150}}, row_mode::hybrid, 0.2, o, vocab, r);
    CHECK(row.mntp.size() == doctest::Approx(4000).epsilon(0.05));
    int masked = 0, same = 0, random = 0;
    for (const row_label & l : row.mntp) {
        CHECK(l.target == 255);
        CHECK(row.roles[l.at] == MAGNET_MASK_CONTEXT); // read one position earlier, from context
        CHECK(row.roles[l.at + 1] == MAGNET_MASK_CONTEXT);
        const int32_t now = row.tokens[l.at + 1];
        (now == MASK ? masked : now == 255 ? same : random)++;
    }
    CHECK(masked == doctest::Approx(3200).epsilon(0.05));
    CHECK(same == doctest::Approx(400).epsilon(0.2));
    CHECK(random == doctest::Approx(400).epsilon(0.2));
}

TEST_CASE("drawn gaps keep their promises") {
    const train_vocab   vocab = byte_vocab();
    const text_document d     = tokenize_document(
            "One is here. Two is there now. Three came by train. Four did not. Five is the last of them.", vocab);
    row_options o = train_options().rows;
    o.span_min      = 3;
    o.span_max      = 9;
    const int32_t n = int32_t(d.tokens.size());
    for (const double share : {0.0, 1.0}) {
        o.sentence_share = share;
        std::set<int32_t> begins;
        size_t            most = 0;
        for (uint64_t i = 0; i < 3000; ++i) {
            rng               r(2, draw::text_row, i);
            const text_window w     = i % 2 ? text_window{0, 0, n} : text_window{0, 12, n - 20};
            const auto        spans = draw_spans(d, w, o, vocab, r);
            REQUIRE(!spans.empty());
            int32_t taken = 0, last = -1;
            for (const token_span & s : spans) {
                CHECK(s.begin > last); // context between two
                CHECK(s.begin < s.end);
                CHECK((s.begin > 0 || w.begin == 0));
                CHECK((s.end < w.end - w.begin || w.end == n));
                last = s.end;
                taken += s.end - s.begin;
                if (share == 1.0) { // whole sentences
                    CHECK(std::count(d.sentences.begin(), d.sentences.end(), w.begin + s.begin) == 1);
                    CHECK((w.begin + s.end == n ||
                           std::count(d.sentences.begin(), d.sentences.end(), w.begin + s.end) == 1));
                } else {
                    CHECK(s.end - s.begin >= 3);
                    CHECK(s.end - s.begin <= 9);
                }
                if (i % 2) {
                    begins.insert(s.begin);
                }
            }
            CHECK((taken <= (w.end - w.begin) / 2 || spans.size() == 1));
            most = std::max(most, spans.size());
        }
        CHECK(most >= 2);
        CHECK(begins.size() == (share == 1.0 ? 5 : begins.size()));
        CHECK(begins.count(0) == 1); // from BOS
        CHECK(begins.size() >= 5);
    }
    train_vocab without = vocab;
    without.bos         = -1;
    o.sentence_share    = 0.5;
    for (uint64_t i = 0; i < 500; ++i) {
        rng r(4, draw::text_row, i);
        CHECK(draw_spans(d, {0, 0, n}, o, without, r).front().begin > 0);
    }
    // the smallest window there is
    o.span_min = o.span_max = 1;
    for (uint64_t i = 0; i < 200; ++i) {
        rng  r(5, draw::text_row, i);
        auto spans = draw_spans(d, {0, 20, 24}, o, vocab, r);
        CHECK(spans.front().begin >= 1);
        CHECK(spans.back().end <= 3);
    }
}

TEST_CASE("shares of row modes hold in short runs") {
    row_options o = train_options().rows;
    o.share_hybrid  = 0.5;
    o.share_ordered = 0.3;
    o.share_causal  = 0.2;
    for (const int64_t from : {0, 1000, 123456}) {
        int n[3] = {};
        for (int64_t i = from; i < from + 50; ++i) {
            ++n[int(mode_of_row(o, i))];
        }
        CHECK(std::abs(n[0] - 25) <= 2);
        CHECK(std::abs(n[1] - 15) <= 2);
        CHECK(std::abs(n[2] - 10) <= 2);
    }
    o.share_hybrid = 0;
    o.share_causal = 0;
    for (int64_t i = 0; i < 50; ++i) {
        CHECK(mode_of_row(o, i) == row_mode::ordered);
    }
}

TEST_CASE("rows to embed: instruction, text, EOS; the mean is over the text alone") {
    const train_vocab vocab = byte_vocab();
    pair_options o = train_options().contrast;
    o.length         = 5;
    const auto a_row = [&](const std::string & text) {
        return make_embed_row({'i', ':'}, vocab.tokenize(text, true), o, vocab);
    };
    const train_row row = a_row("abc");
    CHECK(row.tokens == std::vector<int32_t>{'i', ':', 'a', 'b', 'c', EOS});
    CHECK(row.pool_begin == 2);
    CHECK(row.pool_end == 5);
    CHECK(row.roles == std::vector<int8_t>(6, MAGNET_MASK_CONTEXT));
    CHECK(text_of(a_row("abcdefg").tokens).substr(0, 7) == "i:abcde"); // cut at 5
    o.attention = MAGNET_ATTENTION_CAUSAL;
    CHECK(a_row("abc").roles == std::vector<int8_t>(6, MAGNET_MASK_SPAN));
}

TEST_CASE("batches are the same for the same seed, and from a sought place") {
    const test_folder folder;
    const train_vocab vocab = byte_vocab();
    corpus            c;
    std::string       lines, pairs;
    for (int i = 0; i < 30; ++i) {
        lines += "This is the line number " + std::to_string(i) + ". It has a second sentence. And a third one.\n\n";
        pairs += "anchor " + std::to_string(i) + "\tpositive " + std::to_string(i) + (i % 2 ? "\tnegative\n" : "\n");
    }
    read_texts(folder.write("t.txt", lines), MAGNET_TEXT_PARAGRAPHS, vocab, c);
    read_pairs(folder.write("p.tsv", pairs), vocab, {true, true}, c);
    train_options o;
    o.rows.batch          = 4;
    o.rows.length         = 60;
    o.contrast.batch      = 8;
    o.contrast.text_share = 0.25;
    const train_stage all = {1, 1, 1, 1};

    const auto same = [](const micro_batch & a, const micro_batch & b) {
        bool equal = a.rows.size() == b.rows.size() && a.texts == b.texts;
        for (size_t i = 0; equal && i < a.rows.size(); ++i) {
            equal = a.rows[i].tokens == b.rows[i].tokens && a.rows[i].roles == b.rows[i].roles &&
                    a.rows[i].pos == b.rows[i].pos;
        }
        return equal;
    };
    batch_source a(c, o, vocab), b(c, o, vocab);
    for (int i = 0; i < 10; ++i) {
        CHECK(same(a.next(all), b.next(all)));
    }
    const batch_places place = a.at();
    batch_source       resumed(c, o, vocab);
    resumed.seek(place);
    for (int i = 0; i < 20; ++i) { // over the end of an epoch
        CHECK(same(a.next(all), resumed.next(all)));
    }
    o.seed = 2;
    batch_source other(c, o, vocab);
    b.seek({});
    CHECK(!same(b.next(all), other.next(all)));

    const micro_batch batch = a.next(all);
    CHECK(batch.n_text == 4);
    CHECK(batch.n_pairs == 8);
    CHECK(batch.texts.size() == batch.rows.size() - 4);
    CHECK(a.next({1, 0, 1, 0}).n_text == 0);
    CHECK(a.next({1, 0, 0, 1}).n_pairs == 0);
    for (const train_row & row : a.next({1, 0, 0, 1}).rows) {
        CHECK(row.mntp.empty()); // nothing is masked where MNTP has no weight
    }
}

TEST_CASE("with shares, a batch is of one source, and each source is read to its end before it begins anew") {
    const train_vocab vocab = byte_vocab();
    train_options     o;
    corpus            c;
    c.sources = {{"a.tsv", 3}, {"b.tsv", 1}, {"c.tsv", 2}};
    for (int32_t i = 0; i < 90; ++i) { // tokens say of which source and which pair
        const int32_t s = i < 50 ? 0 : i < 60 ? 1 : 2;
        c.pairs.push_back({{1000 * (s + 1) + i}, {5000 + 1000 * s + i}, {}, s});
    }
    o.contrast.batch       = 7;
    o.contrast.instruction = "";
    const train_stage pairs_only = {1, 0, 1, 0};
    batch_source      source(c, o, vocab);
    std::map<int32_t, int>              batches;
    std::map<int32_t, std::vector<int>> times; // each pair was read, by source
    for (int i = 0; i < 600; ++i) {
        const micro_batch b = source.next(pairs_only);
        const int32_t     s = b.rows[0].tokens[0] / 1000 - 1;
        CHECK(b.n_pairs == 7);
        times[s].resize(90, 0);
        for (int32_t k = 0; k < b.n_pairs; ++k) {
            CHECK(b.rows[k].tokens[0] / 1000 - 1 == s);
            CHECK(b.rows[b.n_pairs + k].tokens[0] / 1000 - 5 == s);
            ++times[s][b.rows[k].tokens[0] % 1000];
        }
        ++batches[s];
        if (i % 60 == 59) { // 3 : 1 : 2 in every stretch
            CHECK(std::abs(batches[0] - (i + 1) / 2) <= 2);
            CHECK(std::abs(batches[1] - (i + 1) / 6) <= 2);
        }
    }
    for (const auto & [s, n] : times) {
        const auto begin = n.begin() + (s == 0 ? 0 : s == 1 ? 50 : 60), end = n.begin() + (s == 0 ? 50 : s == 1 ? 60 : 90);
        CHECK(*std::max_element(begin, end) - *std::min_element(begin, end) <= 1);
    }
    batch_source resumed(c, o, vocab);
    resumed.seek(source.at());
    for (int i = 0; i < 20; ++i) {
        const micro_batch a = source.next(pairs_only), b = resumed.next(pairs_only);
        CHECK(a.texts == b.texts);
    }
    batch_places damaged = source.at();
    damaged.pairs.pop_back();
    CHECK(error_of([&] { resumed.seek(damaged); }).find("2 sources of pairs, not in 3") != std::string::npos);

    c.documents = {tokenize_document("Crops stand in batches of their own beside them, as if they were another source.", vocab)};
    o.contrast.text_share = 0.25;
    batch_source with_crops(c, o, vocab);
    int          n_crops = 0;
    for (int i = 0; i < 100; ++i) {
        n_crops += with_crops.next(pairs_only).rows[0].tokens[0] < 1000;
    }
    CHECK(n_crops == 25);
}

TEST_CASE("documents have their own instruction, queries and other texts the other") {
    const test_folder folder;
    train_vocab       vocab = byte_vocab();
    train_options     o;
    corpus            c;
    o.contrast.instruction          = "q:";
    o.contrast.document_instruction = "doc:";
    o.contrast.batch                = 2;
    c.sources                       = {{"search", 1}};
    read_pairs(folder.write("s.tsv", "who\tthat one\tsomebody\nwhen\tthen\tnever\n"), vocab, {false, false, true}, c);
    const micro_batch b = batch_source(c, o, vocab).next({1, 0, 1, 0});
    REQUIRE(b.rows.size() == 6);
    for (size_t i = 0; i < 6; ++i) {
        CHECK(text_of(b.rows[i].tokens).find(i < 2 ? "q:w" : "doc:") == 0);
        CHECK(b.rows[i].pool_begin == (i < 2 ? 2 : 4));
    }
    for (text_pair & p : c.pairs) {
        p.documents = false;
        p.anchor    = p.positive; // the same text with either instruction is the same text
    }
    c.pairs[1].documents = true;
    const micro_batch same = batch_source(c, o, vocab).next({1, 0, 1, 0});
    CHECK(same.texts[0] == same.texts[2]);
    CHECK(same.texts[1] == same.texts[3]);
    CHECK(same.rows[0].tokens.size() + same.rows[1].tokens.size() < same.rows[2].tokens.size() + same.rows[3].tokens.size());
}

TEST_CASE("candidates of a file of pairs are its own, and must be there") {
    const test_folder folder;
    const train_vocab vocab = byte_vocab();
    corpus            c;
    pair_reading      how;
    read_pairs(folder.write("a.tsv", "a\tb\n"), vocab, how, c);
    how.mine = folder.write("c.txt", "one text\n\nanother\n");
    read_pairs(folder.write("b.tsv", "c\td\n"), vocab, how, c);
    how.mine = folder.write("d.jsonl", "{\"text\": \"third\"}\n");
    read_pairs(folder.write("e.tsv", "e\tf\n"), vocab, how, c);
    CHECK(c.pairs[0].candidates == -1);
    CHECK(c.pairs[1].candidates == 0);
    CHECK(c.pairs[2].candidates == 1);
    REQUIRE(c.candidates.size() == 2);
    CHECK(c.candidates[0].size() == 2);
    CHECK(text_of(c.candidates[1][0]).find("third") != std::string::npos);
    how.mine = folder.write("empty.txt", "\n\n");
    CHECK(error_of([&] { read_pairs(folder.write("b.tsv", "c\td\n"), vocab, how, c); }).find("no text to mine negatives from") !=
          std::string::npos);
}

TEST_CASE("each source must serve by itself") {
    const train_vocab vocab = byte_vocab();
    train_options     o;
    corpus            c;
    c.sources = {{"good.tsv", 1}, {"one.tsv", 1}};
    c.pairs   = {{{'a'}, {'b'}, {}, 0}, {{'c'}, {'d'}, {}, 0}, {{'e'}, {'f'}, {}, 1}};
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("one.tsv: a contrastive batch needs at least 2 texts") == 0);
    c.pairs.push_back({{'g'}, {'f'}, {}, 1});
    o.contrast.symmetric = false;
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("one.tsv: none of the 2 pairs is a negative") == 0);
    c.pairs.back().positive = {'h'};
    CHECK(error_of([&] { batch_source(c, o, vocab); }).empty());
}

TEST_CASE("rows that keep the base are their share of the causal ones, in every short run") {
    row_options o  = train_options().rows;
    o.share_causal = 0.5f;
    o.keep_base    = 0.4f;
    int n_causal = 0, n_kept = 0;
    for (int64_t i = 0; i < 3000; ++i) {
        n_causal += mode_of_row(o, i) == row_mode::causal;
        n_kept += keeps_base(o, i);
        CHECK((!keeps_base(o, i) || mode_of_row(o, i) == row_mode::causal));
        CHECK(std::fabs(n_kept - 0.4 * n_causal) < 4);
    }
    o.keep_base = 0;
    CHECK_FALSE(keeps_base(o, 5));
    o.keep_base = 1;
    for (int64_t i = 0; i < 100; ++i) {
        CHECK(keeps_base(o, i) == (mode_of_row(o, i) == row_mode::causal));
    }
}

TEST_CASE("a corpus that cannot serve is refused") {
    const train_vocab vocab = byte_vocab();
    train_options     o;
    corpus            c;
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("there is nothing to train on") == 0);
    c.pairs.push_back({{'a'}, {'b'}, {}});
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("a contrastive batch needs at least 2 texts") == 0);
    c.pairs.push_back({{'c'}, {'d'}, {}});
    CHECK(error_of([&] { batch_source(c, o, vocab); }).empty());
    o.stages = {{5, 1, 0, 1}};
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("there is no text") == 0);

    c.documents         = {tokenize_document("some text that is long enough for a row or two", vocab)};
    o.stages            = {{5, 0, 1, 0}, {5, 1, 0, 0}}; // the second has nothing but MNTP ...
    o.rows.share_hybrid = 0;                            // ... and no row to mask
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("stage 2 of 2 has MNTP alone") == 0);
    o.rows.share_hybrid = 0.1;
    CHECK(error_of([&] { batch_source(c, o, vocab); }).empty());
    o.rows.mask_rate = 0;
    CHECK(error_of([&] { batch_source(c, o, vocab); }).find("stage 2 of 2 has MNTP alone") == 0);
}

TEST_CASE("pairs that are no negatives to each other are refused, whatever text they share") {
    const train_vocab vocab = byte_vocab();
    const auto        pair  = [](int32_t a, int32_t b) { return text_pair{{a}, {b}, {}}; };
    train_options     o;
    corpus            c;
    const auto        refused = [&] {
        return error_of([&] { batch_source(c, o, vocab); }).find("is a negative to another") != std::string::npos;
    };
    for (int32_t i = 0; i < 20; ++i) {
        c.pairs.push_back(pair(100 + i, 5)); // one answer to all
    }
    CHECK(refused());
    c.pairs.push_back(pair(150, 6));
    CHECK(!refused());
    c.pairs.back().positive = {5};
    c.pairs[3].negative     = {6}; // hard negatives do
    CHECK(!refused());
    c.pairs[3].negative = {5}; // unless they are the answer itself
    CHECK(refused());
    c.pairs[3].negative = {};
    o.contrast.length   = 1;
    for (size_t i = 0; i < c.pairs.size(); ++i) {
        c.pairs[i] = {{7, int32_t(i)}, {int32_t(8 + i), 9}, {}}; // what is cut is not read
    }
    CHECK(refused());
    o.contrast.length = 2;
    CHECK(!refused());
    c.documents = {tokenize_document("Pairs may share what they like where crops of a text stand beside them.", vocab)};
    c.pairs     = {pair(1, 2), pair(1, 2)};
    CHECK(refused());
    o.contrast.text_share = 0.5;
    CHECK(!refused());
}

TEST_CASE("pairs are refused when InfoNCE of all of them has no gradient, and only then") {
    const train_vocab vocab = byte_vocab();
    int32_t           n_refused = 0, n_served = 0;
    for (uint64_t seed = 0; seed < 3000; ++seed) {
        rng           r(seed, draw::heldout);
        train_options o;
        corpus        c;
        o.contrast.symmetric = seed % 2 == 0;
        const int32_t most = r.between(1, 3), n = r.between(2, 9); // few texts: they meet often
        for (int32_t i = 0; i < n; ++i) {
            const int32_t star = seed % 3 == 0 ? 0 : r.between(0, most); // one side is the same text for all
            c.pairs.push_back({{star}, {seed % 3 == 0 ? i : r.between(0, most)}, {}});
        }
        contrast_batch b;
        b.n_pairs = n;
        b.n_embd  = 1 + n;
        for (const bool positive : {false, true}) {
            for (const text_pair & p : c.pairs) {
                b.texts.push_back(uint64_t((positive ? p.positive : p.anchor).front()));
            }
        }
        for (int32_t i = 0; i < 2 * n * b.n_embd; ++i) {
            b.vectors.push_back(float(r.uniform()) - 0.5f);
        }
        std::vector<float> gradient;
        sscl_loss(b, 0.1, o.contrast.symmetric, 1, &gradient);
        const bool learns  = std::any_of(gradient.begin(), gradient.end(), [](float x) { return std::fabs(x) > 1e-20f; });
        const bool refused = !error_of([&] { batch_source(c, o, vocab); }).empty();
        CHECK(learns == !refused);
        ++(refused ? n_refused : n_served);
    }
    CHECK(n_refused > 300);
    CHECK(n_served > 300);
}

TEST_CASE("what is held out is never trained on, and nothing is lost") {
    const train_vocab vocab = byte_vocab();
    corpus            c;
    std::string       text;
    for (int i = 0; i < 400; ++i) {
        text += "Sentence " + std::to_string(1000 + i) + " is unique. ";
    }
    c.documents.push_back(tokenize_document(text, vocab));
    c.documents.push_back(tokenize_document("A short one.", vocab));
    for (int i = 0; i < 50; ++i) {
        c.pairs.push_back({{i}, {i}, {}});
    }
    const int64_t before = c.n_tokens();
    train_options o;
    o.heldout.rows    = 4;
    corpus        two = c;
    two.sources       = {{"a", 1}, {"b", 1}};
    for (int i = 20; i < 50; ++i) {
        two.pairs[i].source = 1;
    }
    const corpus held_of_two = split_heldout(two, o); // a tenth of each, and 4 at most
    const auto   of_b        = [](const text_pair & p) { return p.source == 1; };
    CHECK(held_of_two.pairs.size() == 5);
    CHECK(std::count_if(held_of_two.pairs.begin(), held_of_two.pairs.end(), of_b) == 3);
    CHECK(two.pairs.size() == 45);
    const corpus held = split_heldout(c, o);
    CHECK(held.documents.size() == 4);
    CHECK(held.pairs.size() == 4);
    CHECK(c.pairs.size() == 46);
    CHECK(c.n_tokens() + held.n_tokens() == before);
    std::string rest;
    for (const text_document & d : c.documents) {
        rest += text_of(d.tokens) + "|";
        for (size_t i = 1; i < d.sentences.size(); ++i) {
            CHECK(text_of(d.tokens).substr(d.sentences[i], 10) == " Sentence ");
        }
    }
    for (const text_document & d : held.documents) {
        CHECK(rest.find(text_of(d.tokens)) == std::string::npos);
        CHECK(int32_t(d.tokens.size()) <= o.rows.length);
        CHECK_FALSE((d.begins && d.ends));
    }
}
