#include "side.h"

#include <cmath>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include <sys/wait.h>
#include <unistd.h>

namespace magnet::bench {

namespace {

class llama_side : public side {
public:
    llama_side(const std::string & name, const std::string & program, const std::string & model, int32_t n_threads,
               int32_t n_batch) :
        name_(name), n_batch_(n_batch) {
        int in[2], out[2];
        if (pipe(in) != 0 || pipe(out) != 0) {
            throw std::runtime_error("no pipe");
        }
        child_ = fork();
        if (child_ == 0) {
            dup2(in[0], 0);
            dup2(out[1], 1);
            for (const int fd : { in[0], in[1], out[0], out[1] }) {
                close(fd);
            }
            execl(program.c_str(), program.c_str(), model.c_str(), std::to_string(n_threads).c_str(), (char *) nullptr);
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

    embedded embed(const std::vector<prompt> & texts) override {
        std::string request = "embed " + std::to_string(n_batch_) + " " + std::to_string(texts.size());
        for (const prompt & p : texts) {
            request += "\n" + ids(p);
        }
        std::istringstream answer(ask(request));
        embedded           out;
        size_t             n = 0;
        answer >> out.time.wall >> out.time.cpu >> n;
        out.vectors.resize(n);
        if (fread(out.vectors.data(), sizeof(float), n, answers_) != n) {
            throw std::runtime_error(name_ + " ended");
        }
        const size_t width = n / texts.size();
        for (size_t i = 0; i < n; i += width) {
            double sum = 0.0;
            for (size_t d = 0; d < width; ++d) {
                sum += (double) out.vectors[i + d] * out.vectors[i + d];
            }
            for (size_t d = 0; d < width; ++d) {
                out.vectors[i + d] /= (float) std::sqrt(sum);
            }
        }
        return out;
    }

private:
    static std::string ids(const prompt & p) {
        std::string s;
        for (const int32_t id : p.tokens) {
            s += " " + std::to_string(id);
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
            line += (char) c;
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

std::unique_ptr<side> make_llama_side(const std::string & name, const std::string & program, const std::string & model,
                                      int32_t n_threads, int32_t n_batch) {
    return std::make_unique<llama_side>(name, program, model, n_threads, n_batch);
}

} // namespace magnet::bench
