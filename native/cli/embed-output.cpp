#include "embed-output.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <unistd.h>

#include "../src/base/path.h"
#include "error.h"
#include "terminal.h"

namespace magnet_cli {

const names & vector_format_names() {
    static const names table{{"plain", static_cast<int32_t>(vector_format::plain)},
                             {"json", static_cast<int32_t>(vector_format::jsonl)},
                             {"npy", static_cast<int32_t>(vector_format::npy)},
                             {"raw", static_cast<int32_t>(vector_format::raw)}};
    return table;
}

vector_format choose_format(int32_t format, bool as_json, const std::string & path) {
    const auto asked = static_cast<vector_format>(format);
    if (as_json && asked != vector_format::by_name && asked != vector_format::jsonl) {
        throw usage_error("--json contradicts --format");
    }
    if (as_json || asked != vector_format::by_name) {
        return as_json ? vector_format::jsonl : asked;
    }
    const std::string extension = magnet::to_utf8(magnet::to_path(path).extension());
    return extension == ".npy"                             ? vector_format::npy
           : extension == ".jsonl" || extension == ".json" ? vector_format::jsonl
           : extension == ".raw" || extension == ".f32"    ? vector_format::raw
                                                           : vector_format::plain;
}

vector_writer::vector_writer(output & out, const vector_layout & layout, const loaded_model & loaded, size_t n_texts,
                             bool similarity)
    : out(out), layout(layout), format(layout.format), loaded(loaded), n_texts(n_texts), similarity(similarity) {
    if ((format == vector_format::npy || format == vector_format::raw) && out.is_terminal()) {
        throw usage_error("binary numbers do no good to a terminal; add --output FILE");
    }
}

static json fields_of(const record & from) {
    return from.fields.is_object() ? from.fields : json{{"text", from.text}};
}

// An object that ends in an array of numbers, spliced in: a json value per number would take most of the time.
static std::string with_vector(const json & object, const char * name, const std::vector<float> & vector) {
    std::string line = to_text(object);
    line.pop_back();
    line += (object.empty() ? "\"" : ",\"") + std::string(name) + "\":[";
    append_decimals(line, vector.data(), static_cast<int64_t>(vector.size()), ",", true);
    return line + "]}";
}

std::vector<uint8_t> vector_writer::packed(const float * vectors, size_t n) const {
    const auto count = static_cast<int64_t>(n);
    int64_t    size  = 0;
    check(magnet_vectors_pack(vectors, count, dimensions(), layout.precision, nullptr, 0, &size));
    std::vector<uint8_t> bytes(static_cast<size_t>(size));
    check(magnet_vectors_pack(vectors, count, dimensions(), layout.precision, bytes.data(), size, nullptr));
    return bytes;
}

// Of one packed vector.
int32_t vector_writer::columns() const {
    return layout.precision == MAGNET_PRECISION_BINARY ? (dimensions() + 7) / 8 : dimensions();
}

// What is written of a vector, for output in decimals.
std::vector<float> vector_writer::numbers(const float * vector) const {
    if (layout.precision == MAGNET_PRECISION_FLOAT32) {
        return {vector, vector + dimensions()};
    }
    const std::vector<uint8_t> bytes = packed(vector, 1);
    std::vector<float>         values;
    for (const uint8_t byte : bytes) {
        values.push_back(layout.precision == MAGNET_PRECISION_INT8 ? static_cast<float>(static_cast<int8_t>(byte))
                                                                   : static_cast<float>(byte));
    }
    return values;
}

void vector_writer::header(size_t rows) {
    if (format == vector_format::npy && !header_written) {
        const char * type = layout.precision == MAGNET_PRECISION_INT8     ? "|i1"
                            : layout.precision == MAGNET_PRECISION_BINARY ? "|u1"
                                                                          : "<f4";
        out.write(npy_header(type, static_cast<int64_t>(rows), columns()));
    }
    header_written = true;
}

void vector_writer::matrix(const float * vectors, size_t n) {
    const std::vector<uint8_t> bytes = packed(vectors, n);
    out.write({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
}

// On a terminal the first few numbers, for a look; else all of them.
void vector_writer::vector_line(const float * vector, const std::string & label) {
    const std::vector<float> values = numbers(vector);
    const int32_t            shown  = out.is_terminal() ? std::min(columns(), 6) : columns();
    std::string              line   = label;
    append_decimals(line, values.data(), shown, " ");
    if (shown < columns()) {
        line += " … (" + std::to_string(columns()) + " numbers)";
    }
    out.line(line);
}

void vector_writer::text(const record & from, const float * vector, int32_t n_tokens) {
    if (similarity) {
        kept_texts.push_back(from.text);
        kept.insert(kept.end(), vector, vector + dimensions());
    } else if (format == vector_format::jsonl) {
        json object        = fields_of(from);
        object["n_tokens"] = n_tokens;
        object.erase("embedding");
        out.line(with_vector(object, "embedding", numbers(vector)));
    } else if (format == vector_format::plain) {
        vector_line(vector, "");
    } else {
        header(n_texts);
        matrix(vector, 1);
    }
}

void vector_writer::tokens(const record & from, const float * vectors, const std::vector<int32_t> & ids) {
    const auto row = [&](size_t i) { return vectors + i * static_cast<size_t>(dimensions()); };
    if (format == vector_format::jsonl) {
        json object = fields_of(from);
        object.erase("tokens");
        std::string line = to_text(object);
        line.pop_back();
        line += object.empty() ? "\"tokens\":[" : ",\"tokens\":[";
        for (size_t i = 0; i < ids.size(); ++i) {
            const json token{{"id", ids[i]}, {"text", token_bytes(model(), ids[i])}};
            line += (i > 0 ? "," : "") + with_vector(token, "embedding", numbers(row(i)));
        }
        out.line(line + "]}");
    } else if (format == vector_format::plain) {
        for (size_t i = 0; i < ids.size(); ++i) {
            vector_line(row(i), quote(token_bytes(model(), ids[i])) + "\t");
        }
    } else {
        header(ids.size());
        matrix(vectors, ids.size());
    }
}

void vector_writer::flush() {
    if (!similarity) {
        out.flush();
    }
}

void vector_writer::finish() {
    if (similarity) {
        similarity_table();
    } else {
        header(0);
    }
}

static double cosine(const float * a, const float * b, int32_t n) {
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int32_t i = 0; i < n; ++i) {
        ab += static_cast<double>(a[i]) * b[i];
        aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

void vector_writer::similarity_table() {
    const size_t      n     = kept_texts.size();
    const auto        row   = [&](size_t i) { return kept.data() + i * static_cast<size_t>(dimensions()); };
    const int         width = terminal_width(STDOUT_FILENO);
    std::string       head  = std::string(4, ' ');
    std::vector<json> rows;
    for (size_t i = 0; i < n; ++i) {
        head += pad(std::to_string(i + 1), 7, true);
    }
    if (format != vector_format::jsonl && n > 0) {
        out.line(head);
    }
    for (size_t i = 0; i < n; ++i) {
        std::string line = pad(std::to_string(i + 1), 4, true);
        json        cosines;
        for (size_t j = 0; j < n; ++j) {
            const double value = cosine(row(i), row(j), dimensions());
            char         number[16];
            std::snprintf(number, sizeof number, "%7.3f", value);
            line += number;
            cosines.push_back(to_json(static_cast<float>(value)));
        }
        rows.push_back(std::move(cosines));
        line += "  ";
        const int room = width > 0 && out.is_terminal() ? std::max(width - display_width(line), 16) : 1 << 20;
        if (format != vector_format::jsonl) {
            const std::string text = quote(kept_texts[i]);
            out.line(line + shorten(std::string_view(text).substr(1, text.size() - 2), room));
        }
    }
    if (format == vector_format::jsonl) {
        out.json_line({{"texts", kept_texts}, {"similarity", rows}});
    }
}

} // namespace magnet_cli
