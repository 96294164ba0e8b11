#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace magnet_cli {

using json = nlohmann::ordered_json;

// What results are written to.
class sink {
public:
    virtual ~sink() = default;

    virtual void write(std::string_view bytes) = 0;
    virtual void flush()                       = 0;

    void line(std::string_view text); // text and a newline
    void json_line(const json & value);
};

/*
 * Where results go: standard output, or a file that appears only when it is complete (written beside its place under
 * another name, then renamed). Every write is checked: a full disk is a failure that names the file, and leaves what
 * was there before. Devices and pipes are written to directly.
 */
class output : public sink {
public:
    // path "" or "-" = standard output
    explicit output(const std::string & path);
    ~output() override; // without a close() before it, the file is given up
    output(const output &)             = delete;
    output & operator=(const output &) = delete;

    void write(std::string_view bytes) override;
    void flush() override;
    void close();

    bool is_terminal() const;
    bool is_empty() const { return n_bytes == 0; } // nothing was written yet

private:
    [[noreturn]] void fail(const char * what) const;

    std::string name;      // for people
    std::string place;     // where the file will be; "" = no file to rename
    std::string temporary; // where it is written; "" = directly
    std::FILE * file = nullptr;
    size_t      n_bytes = 0;
};

// The shortest decimals that read back as this float; null for NaN and the infinities, which JSON has not.
json to_json(float value);

// value on one line; what is no UTF-8 in it (half a character) becomes U+FFFD.
std::string to_text(const json & value);

// values as decimals, each as short as reads back the same, with separator between them.
// nan and inf are written as words, or as null if in_json.
void append_decimals(std::string & out, const float * values, int64_t n, std::string_view separator,
                     bool in_json = false);

// Header of a NumPy file, format 1.0, for a C-ordered array of rows x columns; type as NumPy writes it, "<f4".
// (numpy.lib.format in NumPy's documentation)
std::string npy_header(const std::string & type, int64_t rows, int64_t columns);

} // namespace magnet_cli
