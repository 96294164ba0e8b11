#include "side.h"

#include <cmath>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace magnet::bench {

namespace {

class llama_side : public logits_side {
public:
    llama_side(const std::string & name, const std::string & program, const std::string & model, int32_t n_threads,
               int32_t n_batch)
        : name_(name), n_batch_(n_batch) {
        int in[2], out[2];
        if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) { // no other child may keep this one's input open
            throw std::runtime_error("no pipe");
        }
        child_ = fork();
        if (child_ == 0) {
            dup2(in[0], 0);
            dup2(out[1], 1);
            execl(program.c_str(), program.c_str(), model.c_str(), std::to_string(n_threads).c_str(), (char *)nullptr);
            perror(program.c_str());
            _exit(127);
        }
        close(in[0]);
        close(out[1]);
        requests_ = fdopen(in[1], "w");
        answers_  = fdopen(out[0], "r");
    }

    ~llama_side() override {
        fclose(requests_); // the worker ends with its input
        fclose(answers_);
        waitpid(child_, nullptr, 0);
    }

    std::string name() const override { return name_; }

    generated generate(const prompt & p, int32_t n) override {
        std::istringstream answer(ask("generate " + std::to_string(n) + ids(p)));
        generated          out;
        answer >> out.prompt.wall >> out.prompt.cpu >> out.decode.wall >> out.decode.cpu;
        for (int32_t id; answer >> id;) {
            out.tokens.push_back(id);
        }
        return out;
    }

    std::vector<caller_run> together(const std::vector<prompt> & prompts, int32_t n, int32_t late_after) override {
        const std::string       how = "together " + std::to_string(n) + " " + std::to_string(late_after);
        std::istringstream      answer(ask(how + rows(prompts)));
        std::vector<caller_run> out(prompts.size());
        for (caller_run & c : out) {
            c.at.resize((size_t)n);
            c.tokens.resize((size_t)n);
            answer >> c.begin;
            for (int32_t i = 0; i < n; ++i) {
                answer >> c.at[i] >> c.tokens[i];
            }
        }
        if (!answer) {
            throw std::runtime_error(name_ + " gave an answer that cannot be read");
        }
        return out;
    }

    embedded embed(const std::vector<prompt> & texts) override {
        std::istringstream answer(ask("embed " + std::to_string(n_batch_) + rows(texts)));
        embedded           out;
        size_t             n = 0;
        answer >> out.time.wall >> out.time.cpu >> n;
        out.vectors        = floats(n);
        const size_t width = n / texts.size();
        for (size_t i = 0; i < n; i += width) {
            double sum = 0.0;
            for (size_t d = 0; d < width; ++d) {
                sum += (double)out.vectors[i + d] * out.vectors[i + d];
            }
            for (size_t d = 0; d < width; ++d) {
                out.vectors[i + d] /= (float)std::sqrt(sum);
            }
        }
        return out;
    }

    std::vector<float> logits(const std::vector<int32_t> & tokens, int32_t n_first) override {
        return floats(std::stoull(ask("logits " + std::to_string(n_first) + ids({"", tokens}))));
    }

private:
    static std::string ids(const prompt & p) {
        std::string s;
        for (const int32_t id : p.tokens) {
            s += " " + std::to_string(id);
        }
        return s;
    }

    // So many, behind the line of an answer.
    std::vector<float> floats(size_t n) {
        std::vector<float> values(n);
        if (fread(values.data(), sizeof(float), n, answers_) != n) {
            throw std::runtime_error(name_ + " ended");
        }
        return values;
    }

    // Their number, and a line of ids for each.
    static std::string rows(const std::vector<prompt> & texts) {
        std::string s = " " + std::to_string(texts.size());
        for (const prompt & p : texts) {
            s += "\n" + ids(p);
        }
        return s;
    }

    std::string ask(const std::string & request) {
        fprintf(requests_, "%s\n", request.c_str());
        fflush(requests_);
        std::string line;
        for (int c; (c = fgetc(answers_)) != '\n';) {
            if (c == EOF) {
                throw std::runtime_error(name_ + " ended");
            }
            line += (char)c;
        }
        return line;
    }

    const std::string name_;
    const int32_t     n_batch_;
    pid_t             child_    = -1;
    FILE *            requests_ = nullptr;
    FILE *            answers_  = nullptr;
};

} // namespace

std::unique_ptr<logits_side> make_llama_side(const std::string & name, const std::string & program,
                                             const std::string & model, int32_t n_threads, int32_t n_batch) {
    return std::make_unique<llama_side>(name, program, model, n_threads, n_batch);
}

} // namespace magnet::bench
