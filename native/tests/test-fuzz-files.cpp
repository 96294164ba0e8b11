// Damaged models and adapters: each call on one returns a status, and no file ends the process, hangs it or fills its
// memory. Each is read in a process of its own making, so that one which does is named.
//
// MAGNET_FUZZ=N: N damaged files of each kind (default 250). MAGNET_FUZZ_FIRST=N: the first seed, to see one again.
#include "api.h"
#include "gguf_file.h"
#include "gguf_mutator.h"
#include "reference_model.h"

#include <csignal>
#include <cstdio>
#include <cstring>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace magnet::testing;

namespace {

constexpr uint32_t n_default = 250;
constexpr unsigned limit_s   = 30;  // of one file, sanitizers and a busy machine included
constexpr long     limit_mib = 1500; // of the process
constexpr int      exit_memory = 3;  // of a child that took more

uint32_t number_of(const char * variable, uint32_t otherwise) {
    const char * text = getenv(variable);
    return text ? uint32_t(std::strtoul(text, nullptr, 10)) : otherwise;
}

// What the child tells of itself.
struct report {
    uint32_t seed;
    uint32_t n_loaded, n_generated;
    uint32_t n_findings;
    char     finding[400];
};

// A status that says it is a defect is a finding too.
int32_t seen(report & out, const char * call, int32_t status) {
    if (status == MAGNET_STATUS_INTERNAL || (status != MAGNET_STATUS_OK && *magnet_last_error() == '\0')) {
        if (out.n_findings++ == 0) {
            std::snprintf(out.finding, sizeof out.finding, "seed %u, %s: %s", out.seed, call, magnet_last_error());
        }
    }
    return status;
}

void use_session(magnet_model * model, magnet_adapter * adapter, int32_t engine, report & out) {
    magnet_session *      session = nullptr;
    magnet_session_params p       = session_params();
    p.engine                      = engine;
    if (seen(out, "session", magnet_session_create(model, &p, &session)) != MAGNET_STATUS_OK) {
        return;
    }
    const session_ptr owner(session);
    if (adapter && seen(out, "set_adapters", magnet_session_set_adapters(session, &adapter, nullptr, 1)) != MAGNET_STATUS_OK) {
        return;
    }
    magnet_model_info info = {};
    magnet_model_get_info(model, &info);
    std::vector<float> vectors(size_t(2) * size_t(std::clamp(info.n_embd, 1, 4096)));
    const magnet_text  texts[] = {text("the cat sat"), text("a dog")};
    seen(out, "embed", magnet_embed(session, texts, 2, nullptr, vectors.data(), int64_t(vectors.size()), nullptr));

    magnet_generate_params g      = magnet_generate_default_params();
    magnet_result *        result = nullptr;
    g.max_tokens                  = 3;
    if (seen(out, "generate", magnet_generate(session, text("the cat"), &g, &result)) == MAGNET_STATUS_OK) {
        ++out.n_generated;
    }
    magnet_result_free(result);

    const magnet_part    parts[] = {given("the cat "), gap(2), given(" the mat")};
    magnet_infill_params i       = magnet_infill_default_params();
    result                       = nullptr;
    seen(out, "infill", magnet_infill(session, parts, 3, &i, &result));
    magnet_result_free(result);
}

void use_texts(magnet_model * model, report & out) {
    int32_t              n = 0;
    std::vector<int32_t> tokens(200);
    std::vector<char>    buffer(8000);
    seen(out, "tokenize", magnet_tokenize(model, text("the cat \xC3\xA9\xF0\x9F\x98\x80 <s>\n\x01"), true, true, tokens.data(), 200, &n));
    seen(out, "detokenize", magnet_detokenize(model, tokens.data(), std::clamp(n, 0, 200), true, buffer.data(), 8000, &n));
    const magnet_message message = {"user", text("hello")};
    seen(out, "chat_prompt", magnet_chat_prompt(model, &message, 1, true, buffer.data(), 8000, &n));
    for (int32_t i = 0; i < magnet_model_meta_count(model); ++i) {
        seen(out, "meta_value", magnet_model_meta_value(model, i, buffer.data(), 8000, &n));
    }
}

void use_model(const std::string & path, report & out) {
    magnet_model *      model = nullptr;
    magnet_model_params p     = magnet_model_default_params();
    p.use_mmap                = out.seed % 2 == 0;
    p.check_tensors           = out.seed % 5 == 0;
    if (seen(out, "model_load", magnet_model_load(path.c_str(), &p, &model)) != MAGNET_STATUS_OK) {
        return;
    }
    const model_ptr owner(model);
    ++out.n_loaded;
    use_texts(model, out);
    use_session(model, nullptr, MAGNET_ENGINE_AUTO, out);
    if (out.seed % 4 == 0) {
        use_session(model, nullptr, MAGNET_ENGINE_GRAPH, out);
    }
    if (out.seed % 16 == 0) {
        seen(out, "check_training", magnet_model_check_training(model, int32_t(out.seed / 16 % 3)));
    }
}

void use_adapter(magnet_model * model, const std::string & path, report & out) {
    magnet_adapter * adapter = nullptr;
    if (seen(out, "adapter_load", magnet_adapter_load(model, path.c_str(), &adapter)) != MAGNET_STATUS_OK) {
        return;
    }
    const adapter_ptr owner(adapter);
    ++out.n_loaded;
    magnet_adapter_info info = {};
    seen(out, "adapter_info", magnet_adapter_get_info(adapter, &info));
    use_session(model, adapter, out.seed % 2 == 0 ? MAGNET_ENGINE_AUTO : MAGNET_ENGINE_GRAPH, out);
}

using use_fn = void (*)(magnet_model *, const std::string &, report &);

// Of a child that ended by itself, or by a signal: in words. "" if all is well.
std::string fate(int status, const rusage & usage) {
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGALRM ? "it hangs" : std::string("signal ") + strsignal(WTERMSIG(status));
    }
    if (WEXITSTATUS(status) == exit_memory) {
        return std::to_string(usage.ru_maxrss / 1024) + " MiB";
    }
    return WEXITSTATUS(status) != 0 ? "exit " + std::to_string(WEXITSTATUS(status)) : "";
}

// Reads seeds [first, last) in children, a new one after each that ended early.
void fuzz(const std::string & sound, const std::string & base, use_fn use) {
    const gguf_parts  parts = gguf_parts::parse(read_file(sound));
    const std::string path  = scratch_path("damaged.gguf");
    const uint32_t    first = number_of("MAGNET_FUZZ_FIRST", 1), last = first + number_of("MAGNET_FUZZ", n_default);
    auto * const      shared = static_cast<report *>(
        mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(shared != MAP_FAILED);
    *shared              = {};
    uint32_t    n_failed = 0;
    std::string what;
    for (uint32_t next = first; next < last;) {
        const uint32_t batch = std::min(last, next + 500); // memory that the allocator keeps does not add up
        shared->seed = next;
        std::fflush(stdout);
        std::fflush(stderr);
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            for (const int s : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGTERM, SIGINT}) {
                std::signal(s, SIG_DFL); // not doctest's, whose report would go on in the child
            }
            const model_ptr model = base.empty() ? nullptr : load_model(base);
            for (uint32_t seed = next; seed < batch; ++seed) {
                shared->seed = seed;
                alarm(limit_s);
                write_file(path, damaged(parts, seed, what));
                use(model.get(), path, *shared);
                if (rusage self = {}; getrusage(RUSAGE_SELF, &self) == 0 && self.ru_maxrss / 1024 > limit_mib) {
                    _exit(exit_memory);
                }
            }
            _exit(0);
        }
        int    status = 0;
        rusage usage  = {};
        wait4(child, &status, 0, &usage);
        const std::string end = fate(status, usage);
        next                  = end.empty() ? batch : shared->seed + 1;
        if (!end.empty()) {
            damaged(parts, shared->seed, what);
            ++n_failed;
            MESSAGE(sound << ", seed " << shared->seed << ": " << end << " (" << what << ")");
        }
    }
    if (shared->n_findings > 0) {
        MESSAGE(sound << ", " << shared->n_findings << " defects, the first: " << shared->finding);
    }
    MESSAGE(sound << ": " << last - first << " files, " << shared->n_loaded << " loaded, " << shared->n_generated
                  << " generated");
    CHECK(n_failed == 0);
    CHECK(shared->n_findings == 0);
    CHECK(shared->n_loaded > 0); // the damages are not all of one kind
    munmap(shared, sizeof(report));
}

void fuzz_model(const std::string & name) {
    fuzz(golden("tiny-" + name + ".gguf"), "", [](magnet_model *, const std::string & path, report & out) {
        use_model(path, out);
    });
}

} // namespace

TEST_CASE("damaged models: llama") { fuzz_model("llama"); }
TEST_CASE("damaged models: qwen2") { fuzz_model("qwen2"); }
TEST_CASE("damaged models: qwen3") { fuzz_model("qwen3"); }
TEST_CASE("damaged models: gemma2") { fuzz_model("gemma2"); }
TEST_CASE("damaged models: gpt2") { fuzz_model("gpt2"); }
TEST_CASE("damaged models: phi3") { fuzz_model("phi3"); }

TEST_CASE("damaged adapters") {
    const std::string     path = scratch_path("sound-adapter.gguf"), base = golden("tiny-llama.gguf");
    const reference_model shapes(base);
    write_adapter(path, "llama", random_lora(shapes.targets(), 2, 1.0f, 1), 2.0f);
    fuzz(path, base, use_adapter);
}
