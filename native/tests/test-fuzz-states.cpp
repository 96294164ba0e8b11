// What interrupted runs leave behind to go on from, damaged: training checkpoints and the states of evaluations. A run goes
// on, or says what is wrong.
#include "api.h"
#include "fuzz_files.h"
#include "gguf_file.h"
#include "gguf_mutator.h"
#include "json_mutator.h"

#include "base/error.h"
#include "base/gguf-file.h"
#include "base/lines.h"
#include "eval/journal.h"

#include <nlohmann/json.hpp>

#include <sstream>

using namespace magnet::testing;

namespace {

const char * const prose = "the dog ran home and the cat sat in the tree. it rained all day. then they slept.\n\n"
                           "a man came by and saw the dog. he gave it a bone. the dog was glad of it.\n\n"
                           "one day a boat came in. it had no sails. nobody knew whose it was or where it came from.\n\n";

// ------------------------------------------------------------------------------------------------ checkpoints

bool stop_at_two(const magnet_train_progress * p, void *) {
    return p->step < 2;
}

// Of a run on text and pairs with a projection, so that all that a checkpoint can hold is in it.
void write_checkpoint(const std::string & path) {
    const std::string  text = scratch_path("train.txt"), pairs = scratch_path("train.tsv"), output = scratch_path("out.gguf");
    const std::string  model = golden("tiny-llama.gguf");
    const char * const texts[] = {text.c_str()};
    const magnet_train_pairs pair_files[] = {{pairs.c_str(), nullptr, 1, false}};
    std::string        rows;
    for (int i = 0; i < 30; ++i) {
        rows += "a cat " + std::to_string(i) + "\tone cat " + std::to_string(i) + "\n";
    }
    write_file(text, std::string(prose) + prose + prose);
    write_file(pairs, rows);
    magnet_train_params p  = magnet_train_default_params();
    p.files.model          = model.c_str();
    p.files.output         = output.c_str();
    p.files.checkpoint     = path.c_str();
    p.files.texts          = texts;
    p.files.pairs          = pair_files;
    p.files.n_texts        = 1;
    p.files.n_pairs        = 1;
    p.files.overwrite      = true;
    p.rows.batch           = 2;
    p.rows.length          = 32;
    p.rows.max_spans       = 1;
    p.rows.span_min        = 2;
    p.rows.span_max        = 6;
    p.rows.open_room       = 8;
    p.contrast.instruction = "";
    p.contrast.batch       = 4;
    p.contrast.length      = 16;
    p.contrast.projection  = 8;
    p.contrast.text_share  = 0.5f;
    p.lora.rank            = 2;
    p.heldout.rows         = 2;
    p.heldout.every        = 1;
    p.n_threads            = 1;
    p.on_step              = stop_at_two;
    const magnet_train_stage stages[] = {{3, 1, 1, 1}, {3, 0.5f, 0, 1}};
    p.stages               = stages;
    p.n_stages             = 2;
    require_ok(magnet_train(&p, nullptr));
}

// One of the texts in the file's metadata, edited; any other damage else.
std::string damaged_checkpoint(const gguf_parts & sound, uint32_t seed, std::string & what) {
    const char * const key = seed % 4 == 0 ? "train.options" : "train.history";
    if (seed % 4 > 1) {
        const std::string bytes = damaged(sound, seed, what);
        return bytes + magnet::gguf_seal(bytes); // else nothing behind the checksum would be met
    }
    gguf_parts   file = sound;
    json_mutator mutate(seed);
    what = std::string(key) + ": ";
    for (gguf_parts::pair & pair : file.pairs) {
        if (pair.key != key) {
            continue;
        }
        std::istringstream       from(pair.values[0]);
        std::vector<std::string> lines;
        for (std::string line; std::getline(from, line);) {
            lines.push_back(line);
        }
        std::string & line = lines[mutate.below(lines.size())];
        line               = mutate.damaged(line, what, "files.");
        pair.values[0].clear();
        for (const std::string & l : lines) {
            pair.values[0] += l + (seed % 4 == 1 ? "\n" : "");
        }
    }
    const std::string bytes = file.bytes();
    return bytes + magnet::gguf_seal(bytes);
}

// ------------------------------------------------------------------------------------------------ states

struct eval_run {
    std::string        file, other, third, state;
    magnet_eval_params params = magnet_eval_default_params();

    eval_run(int32_t protocol, const std::string & state) : state(state) {
        file            = scratch_path("eval-file");
        other           = scratch_path("eval-other");
        third           = scratch_path("eval-third");
        params.protocol = protocol;
        params.state    = this->state.c_str();
        params.file     = file.c_str();
        switch (protocol) {
            case MAGNET_EVAL_STS: write_file(file, "5\ta man\ta man\n1\ta dog\tthe market\n2\train\tit is wet\n"); break;
            case MAGNET_EVAL_INFILL: write_file(file, "Tom ran.\tHe fell.\tHe got up.\nAnn sat.\tShe ate.\tShe left.\n"); break;
            case MAGNET_EVAL_PROBE:
                write_file(other, "dog NN I-NP O\nruns VB I-VP O\n\ncat NN I-NP O\nsits VB I-VP O\n");
                write_file(file, "a DT B-NP O\ndog NN I-NP O\n\nit PRP B-NP O\nruns VB I-VP O\n");
                params.probe.train_file = other.c_str();
                break;
            case MAGNET_EVAL_CHOICE:
                write_file(file, "{\"query\": \"a\", \"choices\": [\"b\", \"c\"], \"gold\": 0}\n"
                                 "{\"query\": \"d\", \"choices\": [\"e\", \"f\", \"g\"], \"gold\": 2}\n");
                break;
            case MAGNET_EVAL_RETRIEVAL:
                write_file(file, "a\tone\nb\ttwo\n");
                write_file(other, "c\tone\nd\ttwo\ne\tthree\n");
                write_file(third, "a c 1\nb d 2\n");
                params.retrieval.documents = other.c_str();
                params.retrieval.relevance = third.c_str();
                break;
            default: write_file(file, prose);
        }
        params.perplexity.window       = 16;
        params.repetition.prefix_words = 3;
        params.repetition.max_tokens   = 4;
    }

    int32_t run(magnet_session * session) {
        magnet_eval_result * result = nullptr;
        const int32_t        status = magnet_eval(session, &params, &result);
        if (result) { // else the message of the failure would go
            magnet_eval_result_free(result);
        }
        return status;
    }
};

// Where it is still an object that has one: else nothing behind the sum would be met.
std::string with_its_sum(const std::string & line) {
    try {
        nlohmann::json object = magnet::parse_json(line, "", 1);
        if (object.erase("sum") > 0) {
            object["sum"] = magnet::eval::sum_of(object);
            return object.dump();
        }
    } catch (const magnet::error &) { // it stays as it is
    }
    return line;
}

std::string damaged_state(const std::string & sound, uint32_t seed, std::string & what) {
    json_mutator             mutate(seed);
    std::istringstream       from(sound);
    std::vector<std::string> lines;
    for (std::string line; std::getline(from, line);) {
        lines.push_back(line);
    }
    const size_t i = mutate.below(lines.size());
    what           = "line " + std::to_string(i + 1) + ": ";
    switch (mutate.below(9)) {
        case 0: lines.erase(lines.begin() + std::ptrdiff_t(i)); break;
        case 1: lines.push_back(lines[i]); break;
        case 2: std::swap(lines[i], lines[mutate.below(lines.size())]); break;
        case 3: lines[i].resize(mutate.below(lines[i].size())); break;
        case 4: lines[i][mutate.below(lines[i].size())] = char(mutate.below(256)); break;
        default: lines[i] = mutate.damaged(lines[i], what);
    }
    std::string text;
    for (std::string & line : lines) {
        if (mutate.below(8) > 0) {
            line = with_its_sum(line);
        }
        text += line + "\n";
    }
    text.resize(text.size() - (mutate.below(8) == 0 ? mutate.below(text.size() + 1) : 0));
    return text;
}

void fuzz_state(int32_t protocol, const char * name) {
    const std::string state = scratch_path("eval.state"), sound = scratch_path(std::string(name) + ".state");
    const auto        session_of = [] { return make_session(load_tiny("llama")); };
    in_child([&] { require_ok(eval_run(protocol, sound).run(session_of().get())); });
    const std::string           text = read_file(sound);
    std::unique_ptr<eval_run>   run;
    session_ptr                 session;
    fuzz({name, state, [&](uint32_t seed, std::string & what) { return damaged_state(text, seed, what); },
          [&](fuzz_report & out) {
              if (seen(out, "eval", run->run(session.get())) == MAGNET_STATUS_OK) {
                  ++out.n_loaded;
              }
          },
          [&] {
              run     = std::make_unique<eval_run>(protocol, state);
              session = session_of();
          }});
}

} // namespace

TEST_CASE("damaged checkpoints") {
    const std::string sound = scratch_path("sound.ckpt"), path = scratch_path("damaged.ckpt");
    in_child([&] { write_checkpoint(sound); });
    const gguf_parts parts = gguf_parts::parse(read_file(sound));
    const auto       stop  = [](const magnet_train_progress *, void * data) {
        ++static_cast<fuzz_report *>(data)->n_used;
        return false;
    };
    fuzz({"checkpoint", path, [&](uint32_t seed, std::string & what) { return damaged_checkpoint(parts, seed, what); },
          [&](fuzz_report & out) {
              if (seen(out, "resume", magnet_train_resume(path.c_str(), stop, &out, nullptr)) == MAGNET_STATUS_OK) {
                  ++out.n_loaded;
              }
          }});
}

TEST_CASE("damaged states: similarity") { fuzz_state(MAGNET_EVAL_STS, "sts"); }
TEST_CASE("damaged states: infilling") { fuzz_state(MAGNET_EVAL_INFILL, "infill"); }
TEST_CASE("damaged states: perplexity") { fuzz_state(MAGNET_EVAL_PERPLEXITY, "perplexity"); }
TEST_CASE("damaged states: repetition") { fuzz_state(MAGNET_EVAL_REPETITION, "repetition"); }
TEST_CASE("damaged states: probe") { fuzz_state(MAGNET_EVAL_PROBE, "probe"); }
TEST_CASE("damaged states: choice") { fuzz_state(MAGNET_EVAL_CHOICE, "choice"); }
TEST_CASE("damaged states: retrieval") { fuzz_state(MAGNET_EVAL_RETRIEVAL, "retrieval"); }
