// magnet_eval: stopping and going on, files that are wrong, parameters that are out of range.
#include "eval_api.h"

#include <cmath>
#include <functional>

using namespace magnet::testing;

TEST_CASE_FIXTURE(work, "state: an interrupted run goes on, and ends as if it had not stopped") {
    const std::string  file = folder.write("stories.tsv", story_file()), state = folder / "state";
    magnet_eval_params p     = params_of(MAGNET_EVAL_INFILL, file);
    const eval_ptr     whole = evaluate(session, p);

    struct seen {
        int64_t     first = -1, last = -1, total = -1;
        int64_t     stop_at = INT64_MAX;
        static bool callback(const magnet_progress * progress, void * data) {
            auto & self = *static_cast<seen *>(data);
            self.first  = self.first < 0 ? progress->done : self.first;
            self.last   = progress->done;
            self.total  = progress->total;
            return progress->done < self.stop_at;
        }
    };
    p.state    = state.c_str();
    p.progress = seen::callback;
    seen interrupted;
    interrupted.stop_at  = 4; // all four stories with the left context
    p.progress_user_data = &interrupted;
    check_eval_fails(session, p, MAGNET_STATUS_CANCELLED, {"cancelled"});
    CHECK(interrupted.total == 12);

    seen resumed;
    p.progress_user_data = &resumed;
    const eval_ptr again = evaluate(session, p);
    CHECK(resumed.first == 4);
    CHECK(resumed.last == 12);
    CHECK(resumed.total == 12);
    REQUIRE(again->n_figures == whole->n_figures);
    for (int32_t i = 0; i < whole->n_figures; ++i) {
        CHECK(again->figures[i].name == std::string(whole->figures[i].name));
        CHECK(again->figures[i].value == whole->figures[i].value);
    }

    p.limit = 2; // fewer of the same items
    seen known;
    p.progress_user_data = &known;
    evaluate(session, p);
    CHECK(known.first == 2);

    p.limit = 0;
    p.infill.seed  = 1;
    check_eval_fails(session, p, MAGNET_STATUS_MISMATCH, {"state", "other: infill.seed"});
    p.infill.seed                  = 0;
    const session_ptr llama = make_session(load_tiny("llama"));
    check_eval_fails(llama, p, MAGNET_STATUS_MISMATCH, {"other: engine, model"}); // gpt2 goes through the graph
    folder.write("stories.tsv", story_file() + "a\tb\tc\n");
    check_eval_fails(session, p, MAGNET_STATUS_MISMATCH, {"other: file"});
}

TEST_CASE_FIXTURE(work, "every protocol is cancelled by magnet_session_cancel") {
    const std::string pairs = folder.write("pairs.tsv", "5\ta man\ta man\n1\ta dog\tthe market\n2\train\tit is wet\n");
    const std::string prose = folder.write("prose.txt", "one two three four five six\nseven eight nine ten\neleven twelve a b\n");
    const std::string questions =
        folder.write("questions.jsonl", "{\"query\": \"a\", \"choices\": [\"b\", \"c\"], \"gold\": 0}\n");
    const std::string words = folder.write("words", "dog NN I-NP O\nruns VB I-VP O\n\ncat NN I-NP O\nsits VB I-VP O\n");
    const std::string texts = folder.write("texts.tsv", "a\tone\nb\ttwo\n"), judged = folder.write("qrels", "a a 1\nb b 1\n");
    for (const int32_t protocol : {MAGNET_EVAL_STS, MAGNET_EVAL_INFILL, MAGNET_EVAL_PERPLEXITY, MAGNET_EVAL_REPETITION,
                                   MAGNET_EVAL_PROBE, MAGNET_EVAL_CHOICE, MAGNET_EVAL_RETRIEVAL}) {
        const std::string file = protocol == MAGNET_EVAL_STS         ? pairs
                                 : protocol == MAGNET_EVAL_INFILL    ? folder.write("stories.tsv", story_file())
                                 : protocol == MAGNET_EVAL_PROBE     ? words
                                 : protocol == MAGNET_EVAL_CHOICE    ? questions
                                 : protocol == MAGNET_EVAL_RETRIEVAL ? texts
                                                                     : prose;
        magnet_eval_params p      = params_of(protocol, file);
        p.probe.train_file        = words.c_str();
        p.retrieval.documents     = texts.c_str();
        p.retrieval.relevance     = judged.c_str();
        p.repetition.prefix_words = 2;
        p.repetition.max_tokens   = 8;
        p.perplexity.window       = 4;
        p.progress                = [](const magnet_progress *, void * data) { // the first time with nothing done
            magnet_session_cancel(static_cast<magnet_session *>(data));
            return true;
        };
        p.progress_user_data = session.get();
        INFO("protocol ", protocol);
        check_eval_fails(session, p, MAGNET_STATUS_CANCELLED, {"cancelled"});
        p.progress = nullptr;
        evaluate(session, p);
    }
}

TEST_CASE_FIXTURE(work, "probe: progress ends at its total, whatever there is to choose from") {
    std::string words;
    for (int i = 0; i < 12; ++i) {
        words += "ab P" + std::to_string(i % 2) + " C N\ncd P C N\n\n";
    }
    const std::string  file = folder.write("words", words), few = folder.write("few", "ab P C N\n\ncd Q C N\n");
    const float        l2[] = {1e-2f, 1e-3f};
    magnet_eval_params p    = params_of(MAGNET_EVAL_PROBE, file);
    magnet_progress    seen = {};
    p.progress              = [](const magnet_progress * progress, void * data) {
        *static_cast<magnet_progress *>(data) = *progress;
        return true;
    };
    p.progress_user_data = &seen;
    for (const std::string & train : {file, few}) { // few: none is held out
        for (const int32_t n_l2 : {0, 1, 2}) {
            INFO(train, ", strengths: ", n_l2);
            p.probe.train_file = train.c_str();
            p.probe.l2         = n_l2 > 0 ? l2 : nullptr;
            p.probe.n_l2       = n_l2;
            evaluate(session, p);
            CHECK(seen.total > 0);
            CHECK(seen.done == seen.total);
        }
    }
}

TEST_CASE_FIXTURE(work, "state: another engine, which rounds differently, does not go on") {
    const std::string  file = folder.write("stories.tsv", story_file()), state = folder / "state";
    magnet_eval_params p = params_of(MAGNET_EVAL_INFILL, file);
    p.state              = state.c_str();
    const model_ptr       llama   = load_tiny("llama");
    magnet_session_params engines = session_params();
    engines.engine                = MAGNET_ENGINE_FUSED;
    evaluate(make_session(llama, engines), p);
    engines.engine = MAGNET_ENGINE_GRAPH;
    check_eval_fails(make_session(llama, engines), p, MAGNET_STATUS_MISMATCH, {"other: engine"});
}

TEST_CASE_FIXTURE(work, "state: another weight in the middle of the model's file is another model") {
    const std::string  file = folder.write("stories.tsv", story_file()), state = folder / "state";
    std::string        bytes = content_of(golden("tiny-gpt2.gguf"));
    const std::string  path  = folder.write("model.gguf", bytes);
    magnet_eval_params p     = params_of(MAGNET_EVAL_INFILL, file);
    p.state                  = state.c_str();
    evaluate(make_session(load_model(path)), p);
    evaluate(make_session(load_model(path)), p);

    // weights are all that such a file holds but for its first tenth
    for (const double share : {0.3, 0.6, 1.0}) {
        std::string    other = bytes;
        const size_t   at    = std::min((size_t)(share * (double)bytes.size()), bytes.size() - 4) / 4 * 4 + 2;
        other[at]            = (char)(other[at] ^ 1); // a bit of one weight's mantissa
        folder.write("model.gguf", other);
        check_eval_fails(make_session(load_model(path)), p, MAGNET_STATUS_MISMATCH, {"other: model"});
    }
    folder.write("model.gguf", bytes);
    evaluate(make_session(load_model(path)), p);
}

TEST_CASE_FIXTURE(work, "state: each option of sampling counts") {
    const std::string  file = folder.write("text", "one two three four five\n"), state = folder / "state";
    magnet_eval_params p = params_of(MAGNET_EVAL_REPETITION, file);
    p.repetition.prefix_words = 2;
    p.repetition.max_tokens   = 4;
    p.state                   = state.c_str();
    p.repetition.sampling.grammar = "root ::= \"A\"+\nother ::= \"B\"+";
    evaluate(session, p);
    p.repetition.sampling.grammar_root = "other";
    check_eval_fails(session, p, MAGNET_STATUS_MISMATCH, {"other: repetition.sampling.grammar_root"});
    p.repetition.sampling.grammar_root = nullptr;
    p.repetition.sampling.top_k += 1;
    check_eval_fails(session, p, MAGNET_STATUS_MISMATCH, {"other: repetition.sampling.top_k"});
    p.repetition.sampling.top_k -= 1;
    evaluate(session, p);

    magnet_session_params flash = session_params();
    flash.flash_attention       = MAGNET_FLASH_ATTENTION_OFF;
    check_eval_fails(make_session(model, flash), p, MAGNET_STATUS_MISMATCH, {"other: flash_attention"});
}

TEST_CASE_FIXTURE(work, "bad input is named with its file and line") {
    const auto fails = [&](int32_t protocol, const std::string & text, std::initializer_list<const char *> words) {
        const std::string file = folder.write("bad", text);
        check_eval_fails(session, params_of(protocol, file), MAGNET_STATUS_BAD_FILE, words);
    };
    fails(MAGNET_EVAL_STS, "", {"bad", "0 pairs"});
    fails(MAGNET_EVAL_STS, "1\ta\tb\n2\ta\n", {"bad:2:", "3 tab-separated columns", "found 2"});
    fails(MAGNET_EVAL_STS, "1\ta\tb\nnan\ta\tb\n", {"bad:2:", "\"nan\" is no finite number"});
    fails(MAGNET_EVAL_STS, "1x\ta\tb\n2\ta\tb\n", {"bad:1:", "\"1x\""});
    fails(MAGNET_EVAL_STS, "1\ta\t\xff\n", {"bad:1:", "not UTF-8"});
    fails(MAGNET_EVAL_INFILL, "a\tb\n", {"bad:1:", "3 or more", "found 2"});
    fails(MAGNET_EVAL_INFILL, "a\t\tc\n", {"bad:1:", "a sentence is empty"});
    fails(MAGNET_EVAL_INFILL, "\n", {"bad", "no story"});
    fails(MAGNET_EVAL_PERPLEXITY, "", {"bad", "0 tokens"});
    fails(MAGNET_EVAL_CHOICE, "", {"bad", "no question"});
    fails(MAGNET_EVAL_CHOICE, "\nx\n", {"bad:2:", "not JSON"});
    fails(MAGNET_EVAL_CHOICE, "[]\n", {"bad:1:", "JSON object"});
    fails(MAGNET_EVAL_CHOICE, "{\"query\":\"a\",\"choices\":[\"b\"],\"gold\":0}\n", {"bad:1:", "2 or more options"});
    fails(MAGNET_EVAL_CHOICE, "{\"query\":\"a\",\"choices\":[\"b\",\" \"],\"gold\":0}\n", {"bad:1:", "option 1"});
    fails(MAGNET_EVAL_CHOICE, "{\"query\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":2}\n",
          {"bad:1:", "0 to 1", "\"gold\""});
    fails(MAGNET_EVAL_CHOICE, "{\"choices\":[\"b\",\"c\"],\"gold\":1}\n", {"bad:1:", "\"query\""});
    const std::string too_long =
        folder.write("long", "\n{\"query\":\"" + std::string(1000, 'a') + "\",\"choices\":[\"b\",\"c\"],\"gold\":1}\n");
    check_eval_fails(session, params_of(MAGNET_EVAL_CHOICE, too_long), MAGNET_STATUS_TOO_LONG,
                     {"long:2: the line has 1002 tokens", "at most 256"});

    const std::string queries   = folder.write("q", "1\ta dog\n2\ta cat\n"),
                      documents = folder.write("d", "x\tb\ny\tc\n");
    magnet_eval_params p        = params_of(MAGNET_EVAL_RETRIEVAL, queries);
    p.retrieval.documents                 = documents.c_str();
    const auto fails_of         = [&](const char * text, std::initializer_list<const char *> words) {
        const std::string relevance = folder.write("rel", text);
        p.retrieval.relevance                 = relevance.c_str();
        check_eval_fails(session, p, MAGNET_STATUS_BAD_FILE, words);
    };
    fails_of("1 0 z 1\n", {"rel:1:", "no document z"});
    fails_of("1 0 x 1\n3 0 x 1\n", {"rel:2:", "no query 3"});
    fails_of("1 0 x 1\n1 0 x y\n", {"rel:2:", "\"y\" is no whole number"});
    fails_of("1 0 x y\n2 0 x 1\n", {"rel:1:", "\"y\" is no whole number"}); // no header: it names a query
    fails_of("q d g\n1 x 1\n1 y 1\n1 x 0\n", {"rel:4:", "document x", "grade 0 for query 1, and 1 before"});
    fails_of("1 x\n", {"rel:1:", "found 2"});
    fails_of("1 0 x 0\n", {"rel", "nothing is relevant"});
    fails_of("", {"rel", "judges nothing"});

    const std::string relevance = folder.write("rel", "1 0 x 1\n");
    p.retrieval.relevance                 = relevance.c_str();
    const std::string twice     = folder.write("twice", "x\tb\nx\tc\n");
    p.retrieval.documents                 = twice.c_str();
    check_eval_fails(session, p, MAGNET_STATUS_BAD_FILE, {"twice:2:", "there twice"});
}

TEST_CASE_FIXTURE(work, "parameters out of range are named") {
    const std::string file   = folder.write("pairs.tsv", pairs);
    const int32_t     bad[]  = {99};
    const float       zero[] = {0.0f};
    const auto        fails  = [&](const std::function<void(magnet_eval_params &)> & change, const char * field) {
        magnet_eval_params p = params_of(MAGNET_EVAL_STS, file);
        change(p);
        check_eval_fails(session, p, MAGNET_STATUS_INVALID_ARGUMENT, {field});
    };
    fails([](magnet_eval_params & p) { p.protocol = 99; }, "protocol is 99");
    fails([](magnet_eval_params & p) { p.file = nullptr; }, "file is NULL");
    fails([](magnet_eval_params & p) { p.limit = -1; }, "limit is -1");
    fails([](magnet_eval_params & p) { p.protocol = MAGNET_EVAL_PROBE; }, "probe.train_file is NULL");
    fails([](magnet_eval_params & p) { p.protocol = MAGNET_EVAL_RETRIEVAL; }, "retrieval.documents is NULL");
    fails([&](magnet_eval_params & p) { p.sts.poolings = bad, p.sts.n_poolings = 1; }, "sts.poolings[0] is 99");
    fails([](magnet_eval_params & p) { p.sts.n_attentions = 1; }, "sts.attentions is NULL");
    fails([](magnet_eval_params & p) { p.resamples = -1; }, "resamples is -1");

    const auto fails_in = [&](int32_t protocol, const std::function<void(magnet_eval_params &)> & change, const char * field) {
        fails([&](magnet_eval_params & p) {
            p.protocol         = protocol;
            p.probe.train_file = file.c_str();
            change(p);
        }, field);
    };
    const int32_t infill = MAGNET_EVAL_INFILL, probe = MAGNET_EVAL_PROBE;
    fails_in(infill, [&](magnet_eval_params & p) { p.infill.contexts = bad, p.infill.n_contexts = 1; }, "infill.contexts");
    fails_in(infill, [](magnet_eval_params & p) { p.infill.seed = -1; }, "infill.seed is -1");
    fails_in(infill, [](magnet_eval_params & p) { p.infill.n_gaps = 0; }, "infill.n_gaps is 0");
    fails_in(infill, [](magnet_eval_params & p) { p.infill.span_max = 7; }, "infill.span_max is 7");
    fails_in(infill, [](magnet_eval_params & p) { p.infill.window = 1; }, "infill.window is 1");
    fails_in(infill, [](magnet_eval_params & p) { p.infill.n_gaps = 2, p.infill.room = 9; }, "infill.n_gaps is 2");
    fails_in(probe, [&](magnet_eval_params & p) { p.probe.tasks = bad, p.probe.n_tasks = 1; }, "probe.tasks");
    fails_in(probe, [&](magnet_eval_params & p) { p.probe.l2 = zero, p.probe.n_l2 = 1; }, "probe.l2[0] is 0");
    fails_in(probe, [](magnet_eval_params & p) { p.probe.word = 4; }, "probe.word is 4");
    const int32_t repetition = MAGNET_EVAL_REPETITION; // whose file is no prose: the options come first
    fails_in(repetition, [](magnet_eval_params & p) { p.repetition.sampling.top_k = -1; }, "top_k is -1");
    fails_in(repetition, [](magnet_eval_params & p) { p.repetition.sampling.top_p = 0; }, "top_p is 0");
    fails_in(repetition, [](magnet_eval_params & p) { p.repetition.sampling.temperature = NAN; }, "temperature is nan");
    fails_in(repetition, [](magnet_eval_params & p) { p.repetition.seed = int64_t(1) << 32; },
             "repetition.seed is 4294967296; it must be in [0, 4294967295]");

    const std::string  missing = folder / "no-such-file";
    magnet_eval_params p       = params_of(MAGNET_EVAL_STS, missing);
    check_eval_fails(session, p, MAGNET_STATUS_IO, {"no-such-file"});
    magnet_eval_result * r = nullptr;
    check_fails(magnet_eval(session.get(), nullptr, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"params is NULL"});
    check_fails(magnet_eval(nullptr, &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"session is NULL"});
    magnet_eval_result_free(nullptr);
}
