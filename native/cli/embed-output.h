#pragma once

#include <string>
#include <vector>

#include "input.h"
#include "model.h"
#include "names.h"
#include "output.h"

namespace magnet_cli {

enum class vector_format : int32_t { by_name, plain, jsonl, npy, raw };

const names & vector_format_names();

// --format, else --json, else the extension of the output file, else plain.
vector_format choose_format(int32_t format, bool as_json, const std::string & path);

// What a vector is written as.
struct vector_layout {
    vector_format format;
    int32_t       precision; // enum magnet_precision
    int32_t       dimensions;
};

// Writes vectors as they come, or keeps them for a table of cosines.
class vector_writer {
public:
    // n_texts: how many text() calls are to come (not for token vectors)
    vector_writer(output & out, const vector_layout & layout, const loaded_model & loaded, size_t n_texts,
                  bool similarity);

    void text(const record & from, const float * vector, int32_t n_tokens);
    void tokens(const record & from, const float * vectors, const std::vector<int32_t> & ids);
    void flush();
    void finish();

    int32_t              dimensions() const { return layout.dimensions; }
    const magnet_model * model() const { return loaded.model.get(); }
    bool                 progress_visible() const { return !out.is_terminal(); }

private:
    std::vector<uint8_t> packed(const float * vectors, size_t n) const;
    std::vector<float>   numbers(const float * vector) const;
    int32_t              columns() const;
    void                 matrix(const float * vectors, size_t n);
    void                 vector_line(const float * vector, const std::string & label);
    void                 header(size_t rows);
    void                 similarity_table();

    output &                 out;
    vector_layout            layout;
    vector_format            format;
    const loaded_model &     loaded;
    size_t                   n_texts;
    bool                     similarity;
    bool                     header_written = false;
    std::vector<std::string> kept_texts;
    std::vector<float>       kept;
};

} // namespace magnet_cli
