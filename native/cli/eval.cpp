#include "eval.h"

#include <cmath>
#include <cstdio>
#include <memory>

#include "files.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"

namespace magnet_cli {

namespace {

using eval_result_ptr = std::unique_ptr<magnet_eval_result, freed_by<magnet_eval_result_free>>;

// The bar, made when the library says how much there is to do.
struct eval_display {
    std::string             label;
    bool                    visible;
    std::optional<progress> bar;

    static bool callback(const magnet_progress * state, void * user_data) {
        auto & self = *static_cast<eval_display *>(user_data);
        if (!self.bar) {
            self.bar.emplace(self.label, state->total, self.visible);
        }
        return progress::callback(state, &*self.bar);
    }
};

} // namespace

static json number(double value) {
    return std::isfinite(value) ? json(value) : json();
}

void eval_command::print(const magnet_eval_result & result) const {
    magnet_cli::output out(output.path);
    if (output.as_json) {
        json object{{"protocol", protocol}, {"file", file}, {"model", model.path}, {"adapters", model.adapters}};
        for (int32_t i = 0; i < result.n_figures; ++i) {
            const magnet_eval_figure & figure = result.figures[i];
            json & entry                      = object["figures"][figure.name];
            entry                             = {{"value", number(figure.value)}, {"count", figure.count}};
            if (!std::isnan(figure.low)) {
                entry["low"]  = figure.low;
                entry["high"] = figure.high;
            }
        }
        for (int32_t i = 0; items && i < result.n_series; ++i) {
            const magnet_eval_series & series = result.series[i];
            json &                     list = object["items"][series.name] = json::array();
            for (int32_t k = 0; k < series.n_values; ++k) {
                list.push_back(number(series.values[k]));
            }
        }
        object["seconds"] = result.seconds;
        out.json_line(object);
    } else {
        for (int32_t i = 0; i < result.n_figures; ++i) {
            const magnet_eval_figure & figure = result.figures[i];
            char                       line[160];
            char                       range[64] = "";
            if (!std::isnan(figure.low)) {
                std::snprintf(range, sizeof range, "  [%.4f, %.4f]", figure.low, figure.high);
            }
            std::snprintf(line, sizeof line, "%-32s %10.4f  %lld%s", figure.name, figure.value,
                          static_cast<long long>(figure.count), range);
            out.line(line);
        }
    }
    out.close();
}

void eval_command::run() {
    own.bind();
    params.file  = file.empty() ? nullptr : file.c_str();
    params.state = state.empty() ? nullptr : state.c_str();

    const loaded_model   loaded  = load_model(model);
    for (const char * read :
         {params.file, params.state, params.probe.train_file, params.retrieval.documents, params.retrieval.relevance}) {
        note_input(read ? read : "");
    }
    check_outputs({output.path});
    const session_ptr    session = create_session(loaded, model);
    eval_display         display{protocol, model.log_level == 0, {}};
    magnet_eval_result * result = nullptr;
    params.progress             = eval_display::callback;
    params.progress_user_data   = &display;
    {
        const cancel_scope scope({session.get()});
        const int32_t      status = magnet_eval(session.get(), &params, &result);
        if (status == MAGNET_STATUS_CANCELLED && !state.empty()) {
            display.bar.reset();
            std::fprintf(stderr, "what is done is in %s; the same command goes on\n", state.c_str());
        }
        check(status);
    }
    const eval_result_ptr owned(result);
    if (display.bar) {
        display.bar->finish();
    }
    print(*result);
}

void add_protocol(CLI::App & eval, const protocol_help & help,
                  const std::function<void(eval_command &, option_group &)> & own) {
    CLI::App & sub = *eval.add_subcommand(help.name, help.about)->group("Protocols");
    sub.set_help_flag("-h,--help")->group(""); // a hidden one is not inherited
    auto command             = std::make_shared<eval_command>();
    command->protocol        = help.name;
    command->params.protocol = help.protocol;
    sub.add_option("FILE", command->file, help.file_help)->required()->type_name("")->group("Arguments");

    option_group output = command->output.add_to(sub, "one JSON object: figures, each with what it was measured on");
    output.flag("--items", command->items, "with --json: the values of each item too");
    output.value("--state", command->state, "FILE", "keep finished items here; the same command goes on after a stop");

    option_group group(sub, "Protocol");
    group.value("--resamples", command->params.resamples, "N",
                with_default("of the bootstrap that gives the 95 % intervals, 0 = none", command->params.resamples));
    own(*command, group);
    command->model.add_to(sub);
    set_help(sub, "[options] FILE", help.notes);
    sub.callback([command] { command->run(); });
}

} // namespace magnet_cli
