#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "error.h"
#include "input.h"
#include "interrupt.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "progress.h"
#include "result.h"
#include "template.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

// What was scored: one item, or all of them.
struct tally {
    double  logprob = 0;
    int64_t n       = 0; // tokens that something predicts

    void add(const magnet_span & span) {
        logprob += span.logprob;
        n += std::count_if(span.tokens, span.tokens + span.n_tokens,
                           [](const magnet_token & token) { return !std::isnan(token.logprob); });
    }
    double per_token() const { return n > 0 ? logprob / static_cast<double>(n) : 0; }
    double perplexity() const { return std::exp(-per_token()); }
};

struct scored {
    tally             sum;
    const record *    from = nullptr;
    std::string       text; // what was scored, for people
    std::vector<json> gaps;
    std::string       token_lines;
};

struct score_command {
    model_options              model;
    input_options              input;
    output_options             output;
    magnet_score_params        params = magnet_score_default_params();
    std::optional<std::string> given;
    bool                       tokens = false;
    bool                       total  = false;
    bool                       keep_spaces = false;

    void   run();
    pieces item_of(const record & from) const;
    void   score(magnet_session * session, const magnet_model * model, const pieces * items, scored * out, size_t n);
    void   print(magnet_cli::output & out, const scored & item) const;
};

constexpr size_t items_per_call = 256;

} // namespace

// The template of the record if it has gaps; else all of its text, after what is given.
pieces score_command::item_of(const record & from) const {
    if (given || has_field(from, "given")) {
        expect_form(from, {{"text", "given"}, {"left"}, {"gap"}, {"right"}, {"parts"}});
        expect_form(from, {{"text"}});
        if (from.text.empty()) { // of rivals for one place it would come first
            throw failure(from.where() + ": an empty text has nothing to score after what is given");
        }
        return {{false, field(from, "given", given.value_or(""))}, {true, from.text, true}};
    }
    pieces all = read_pieces(from);
    if (!has_gap(all)) {
        return {{true, from.text, true}};
    }
    if (std::any_of(all.begin(), all.end(), [](const piece & one) { return one.gap && !one.filled; })) {
        throw failure(from.where() + ": a gap without a text has nothing to score; write {{gap=text}}");
    }
    return all;
}

void score_command::score(magnet_session * session, const magnet_model * of, const pieces * items, scored * out,
                          size_t n) {
    std::vector<std::vector<magnet_part>> parts;
    std::vector<magnet_score_item>        batch;
    for (size_t i = 0; i < n; ++i) {
        parts.push_back(to_parts(items[i], keep_spaces));
        batch.push_back({parts[i].data(), static_cast<int32_t>(parts[i].size())});
    }
    magnet_result * result = nullptr;
    check(magnet_score(session, batch.data(), static_cast<int32_t>(n), &params, &result), out->from, n);
    const result_ptr owned(result);
    for (int32_t i = 0; i < result->n_spans; ++i) {
        const magnet_span & span = result->spans[i];
        scored &            item = out[span.item];
        item.sum.add(span);
        if (output.as_json && !total) {
            item.gaps.push_back(to_json(span, of));
        } else if (tokens || params.top > 0) {
            item.token_lines += token_lines(span, of);
        }
    }
}

static std::string row(const tally & sum, const std::string & text) {
    char numbers[80];
    std::snprintf(numbers, sizeof numbers, "%10.3f %10.3f %7lld  ", sum.logprob, sum.per_token(),
                  static_cast<long long>(sum.n));
    return numbers + text;
}

static json numbers_of(const tally & sum) {
    return {{"logprob", sum.logprob}, {"n_tokens", sum.n}, {"perplexity", sum.perplexity()}};
}

void score_command::print(magnet_cli::output & out, const scored & item) const {
    if (!output.as_json) {
        out.line(row(item.sum, quote(item.text)));
        out.write(item.token_lines);
        return;
    }
    json object = item.from->fields.is_object() ? item.from->fields : json{{"text", item.from->text}};
    if (given && !has_field(*item.from, "given")) {
        object["given"] = *given;
    }
    object.update(numbers_of(item.sum));
    object["gaps"] = item.gaps;
    out.json_line(object);
}

void score_command::run() {
    const std::vector<record> records = read_input(input, input_format::lines, template_forms());
    std::vector<pieces>       items;
    std::vector<scored>       results(records.size());
    for (size_t i = 0; i < records.size(); ++i) {
        items.push_back(item_of(records[i]));
        results[i].from = &records[i];
        const bool in_pieces = records[i].fields.is_object() && !has_field(records[i], "text");
        results[i].text      = in_pieces ? to_template(items[i]) : records[i].text;
    }
    const loaded_model loaded  = load_model(model);
    const session_ptr  session = create_session(loaded, model);
    const cancel_scope scope({session.get()});
    magnet_cli::output out(output.path);
    {
        progress bar("scoring", static_cast<int64_t>(records.size()), !out.is_terminal());
        params.progress           = progress::callback;
        params.progress_user_data = &bar;
        for (size_t begin = 0; begin < items.size() && !interrupted(); begin += items_per_call) {
            bar.offset = static_cast<int64_t>(begin);
            score(session.get(), loaded.model.get(), &items[begin], &results[begin],
                  std::min(items_per_call, items.size() - begin));
        }
        bar.finish();
    }
    if (interrupted()) {
        return;
    }
    if (total) {
        tally all;
        for (const scored & item : results) {
            all.logprob += item.sum.logprob;
            all.n += item.sum.n;
        }
        char line[120];
        std::snprintf(line, sizeof line, "perplexity %.4f  (%lld tokens, log-probability %.3f)", all.perplexity(),
                      static_cast<long long>(all.n), all.logprob);
        output.as_json ? out.json_line(numbers_of(all)) : out.line(line);
    } else {
        if (!output.as_json) {
            out.line("   logprob  per token  tokens  text");
            if (given) { // rivals for one place: best first
                std::stable_sort(results.begin(), results.end(),
                                 [](const scored & a, const scored & b) { return a.sum.logprob > b.sum.logprob; });
            }
        }
        for (const scored & item : results) {
            print(out, item);
        }
    }
    out.close();
}

void add_score(CLI::App & verb) {
    auto command = std::make_shared<score_command>();
    command->input.add_to(verb, "TEXT", "texts, or names of files with a text a line (default: standard input)");
    command->output.add_to(verb, "one JSON object a text: its tokens with their log-probabilities");

    option_group group(verb, "Scoring");
    group.value("--given", command->given, "TEXT", "what the texts continue, unless a line says it; they are listed best first");
    auto * tokens = group.flag("--tokens", command->tokens, "list the log-probability of each token");
    auto * total = group.flag("--total", command->total, "print one line for all texts: their perplexity")->excludes(tokens);
    group.value("--top", command->params.top, "N", "show the N likeliest tokens at each place", between(0, 100))
        ->excludes(total);
    group.choice("--context", command->params.context, context_names(),
                 "what the text around a gap sees (default: the adapter's, else as infill)");

    group.flag("--keep-spaces", command->keep_spaces, keep_spaces_help);

    command->model.add_to(verb);
    set_help(verb, "[options] [TEXT ...]",
             "Examples:\n"
             "  magnet score -m model.gguf --given \"The capital of France is\" \" Paris\" \" Rome\"\n"
             "  magnet score -m model.gguf \"Tom lost his {{gap=keys}}. At last he found the key.\"\n"
             "  magnet score -m model.gguf --total --file wiki.txt\n"
             "\n"
             "Log-probabilities are natural logarithms. A text without a gap is scored as a whole. JSONL has\n"
             "\"text\", with \"given\" if it continues something; or \"left\", \"gap\" and \"right\".");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
