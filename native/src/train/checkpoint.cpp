#include "checkpoint.h"

#include "base/error.h"
#include "base/gguf-file.h"
#include "base/hash.h"

#include <sstream>

namespace magnet::train {

static const int64_t checkpoint_version = 1;

uint64_t hash_corpus(const corpus & data) {
    fnv1a      h;
    const auto add = [&h](const std::vector<int32_t> & tokens) {
        h.add(tokens);
        h.add(0xffffffffu); // where one ends
    };
    for (const text_document & d : data.documents) {
        add(d.tokens);
    }
    for (const text_pair & p : data.pairs) {
        add(p.anchor);
        add(p.positive);
        add(p.negative);
    }
    return h.value();
}

// ------------------------------------------------------------------------------------------------ numbers

// Calls use(name, values, rows, columns) for every tensor.
template <typename Numbers, typename F>
static void for_each_tensor(Numbers & n, const std::string & prefix, const F & use) {
    for (auto & m : n.lora.matrices) {
        use(prefix + m.target + ".a", m.a, n.lora.rank, m.n_in);
        use(prefix + m.target + ".b", m.b, m.n_out, n.lora.rank);
    }
    if (n.head.n_in > 0) {
        use(prefix + "head.w", n.head.w, n.head.n_out, n.head.n_in);
        use(prefix + "head.b", n.head.b, 1, n.head.n_out);
    }
}

static void read_numbers(const gguf_reader & file, const std::string & prefix, trained_numbers & n) {
    for_each_tensor(n, prefix,
                    [&](const std::string & name, std::vector<float> & values, int64_t rows, int64_t columns) {
                        const int64_t id = file.find(name);
                        if (id < 0 || file.n_elements(id) != rows * columns) {
                            throw error(MAGNET_STATUS_BAD_FILE, file.path + ": the checkpoint lacks " + name + ".");
                        }
                        values = file.values(id);
                    });
}

// ------------------------------------------------------------------------------------------------ places

// Calls use(key, number) for every number that is no tensor.
template <typename State, typename F>
static void for_each_integer(State & s, const F & use) {
    use("train.step", s.step);
    use("train.best_step", s.best_step);
    use("train.text.epoch", s.places.text.epoch);
    use("train.text.index", s.places.text.index);
    use("train.pairs.epoch", s.places.pairs.epoch);
    use("train.pairs.index", s.places.pairs.index);
    use("train.crops.epoch", s.places.crops.epoch);
    use("train.crops.index", s.places.crops.index);
    use("train.n_rows", s.places.n_rows);
    use("train.n_pairs", s.places.n_pairs);
    use("train.lora.rank", s.now.lora.rank);
    use("train.head.n_in", s.now.head.n_in);
    use("train.head.n_out", s.now.head.n_out);
}

void save_checkpoint(const std::string & path, const checkpoint & c) {
    const train_state & s = c.state;
    const gguf_ptr      meta(gguf_init_empty());
    gguf_set_val_str(meta.get(), "general.type", "checkpoint");
    gguf_set_val_str(meta.get(), "general.architecture", c.arch.c_str());
    gguf_set_val_u32(meta.get(), "train.version", uint32_t(checkpoint_version));
    gguf_set_val_str(meta.get(), "train.options", options_to_json(c.options).c_str());
    gguf_set_val_u64(meta.get(), "train.data_hash", c.data_hash);
    gguf_set_val_f32(meta.get(), "train.lora.scale", s.now.lora.scale);
    for_each_integer(s, [&](const char * key, int64_t number) { gguf_set_val_i64(meta.get(), key, number); });

    std::vector<const char *> targets;
    for (const lora_matrix & m : s.now.lora.matrices) {
        targets.push_back(m.target.c_str());
    }
    gguf_set_arr_str(meta.get(), "train.lora.targets", targets.data(), targets.size());
    std::string history;
    for (const train_record & r : s.history) {
        history += record_to_json(r) + "\n";
    }
    gguf_set_val_str(meta.get(), "train.history", history.c_str());

    std::vector<gguf_tensor> tensors;
    const auto add = [&](const std::string & name, const std::vector<float> & values, int64_t rows, int64_t columns) {
        tensors.push_back({name, GGML_TYPE_F32, {columns, rows}, [&values] { return values.data(); }});
    };
    for_each_tensor(s.now, "now.", add);
    for_each_tensor(s.m, "m.", add);
    for_each_tensor(s.v, "v.", add);
    for_each_tensor(s.best, "best.", add); // none yet: no tensors
    write_gguf(path, meta.get(), tensors);
}

checkpoint load_checkpoint(const std::string & path) {
    const gguf_reader file(path);
    if (file.text("general.type") != "checkpoint" || file.integer("train.version", 0) != checkpoint_version) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a training checkpoint of this version of the library.");
    }
    checkpoint    c;
    train_state & s = c.state;
    c.options       = options_from_json(file.text("train.options"));
    c.arch          = file.text("general.architecture");
    c.data_hash     = uint64_t(file.integer("train.data_hash", 0));
    for_each_integer(s, [&](const char * key, auto & number) {
        number = std::remove_reference_t<decltype(number)>(file.integer(key, 0));
    });
    s.now.lora.scale = float(file.number("train.lora.scale", 0));

    const int64_t targets = gguf_find_key(file.meta(), "train.lora.targets");
    for (size_t i = 0; targets >= 0 && i < gguf_get_arr_n(file.meta(), targets); ++i) {
        lora_matrix m;
        m.target         = gguf_get_arr_str(file.meta(), targets, i);
        const int64_t ia = file.find("now." + m.target + ".a"), ib = file.find("now." + m.target + ".b");
        if (ia < 0 || ib < 0) {
            throw error(MAGNET_STATUS_BAD_FILE, path + ": the checkpoint lacks the matrices of " + m.target + ".");
        }
        m.n_in  = int32_t(file.n_elements(ia) / s.now.lora.rank);
        m.n_out = int32_t(file.n_elements(ib) / s.now.lora.rank);
        s.now.lora.matrices.push_back(std::move(m));
    }
    s.m = s.v = s.now; // shapes
    read_numbers(file, "now.", s.now);
    read_numbers(file, "m.", s.m);
    read_numbers(file, "v.", s.v);
    if (s.best_step > 0) {
        s.best = s.now;
        read_numbers(file, "best.", s.best);
    }
    std::istringstream lines(file.text("train.history"));
    for (std::string line; std::getline(lines, line);) {
        s.history.push_back(record_from_json(line));
    }
    return c;
}

} // namespace magnet::train
