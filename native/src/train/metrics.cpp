#include "metrics.h"

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/json-fields.h"
#include "base/path.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

namespace magnet::train {

using nlohmann::ordered_json;

// One list of names for both directions: use(name, number).
template <typename Heldout, typename F>
static void for_each_heldout(Heldout & l, const F & use) {
    use("mntp", l.mntp);
    use("sscl", l.sscl);
    use("msg_hybrid", l.msg_hybrid);
    use("msg_ordered", l.msg_ordered);
    use("causal", l.causal);
    use("score", l.score);
}

template <typename Record, typename F>
static void for_each_number(Record & r, const F & use) {
    use("loss", r.loss);
    use("mntp", r.mntp);
    use("sscl", r.sscl);
    use("msg", r.msg);
    use("base", r.base);
    use("learning_rate", r.learning_rate);
    use("gradient_norm", r.gradient_norm);
    use("seconds", r.seconds);
}

std::string record_to_json(const train_record & r) {
    ordered_json line = {{"step", r.step}, {"stage", r.stage}, {"tokens", r.tokens}};
    const auto   put  = [](ordered_json & object) {
        return [&object](const char * name, double number) {
            if (std::isfinite(number)) {
                object[name] = number;
            }
        };
    };
    for_each_number(r, put(line));
    if (r.looked) {
        ordered_json held = ordered_json::object();
        for_each_heldout(r.heldout, put(held));
        line["heldout"] = held;
    }
    return line.dump();
}

train_record record_from_json(const std::string & text) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, /*allow_exceptions =*/false);
    if (!line.is_object()) {
        throw error(MAGNET_STATUS_BAD_FILE, "a line of metrics is no JSON object");
    }
    const auto take = [](const nlohmann::json & object) {
        return [&object](const char * name, double & number) {
            number = std::numeric_limits<double>::quiet_NaN();
            if (object.contains(name)) {
                take_field(object, name, number);
            }
        };
    };
    train_record r;
    take_field(line, "step", r.step);
    take_field(line, "stage", r.stage);
    take_field(line, "tokens", r.tokens);
    for_each_number(r, take(line));
    if (line.contains("heldout")) {
        const nlohmann::json & heldout = line["heldout"];
        if (!heldout.is_object()) {
            throw error(MAGNET_STATUS_BAD_FILE, "heldout is damaged");
        }
        r.looked = true;
        for_each_heldout(r.heldout, take(heldout));
    }
    return r;
}

metrics_file::metrics_file(const std::string & path, const std::vector<train_record> & history) : path(path) {
    if (path.empty()) {
        return;
    }
    atomic_file file(path);
    for (const train_record & r : history) {
        const std::string line = record_to_json(r) + "\n";
        file.write(line.data(), line.size());
    }
    file.commit();
}

void metrics_file::add(const train_record & record) {
    if (path.empty()) {
        return;
    }
    const std::string                            line = record_to_json(record) + "\n";
    const std::unique_ptr<FILE, int (*)(FILE *)> file(open_file(path, "ab"), std::fclose);
    if (!file || std::fwrite(line.data(), 1, line.size(), file.get()) != line.size() || std::fflush(file.get()) != 0) {
        throw error(MAGNET_STATUS_IO, "cannot write " + path + ": " + std::strerror(errno));
    }
}

} // namespace magnet::train
