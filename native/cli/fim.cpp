#include "fim.h"

#include "error.h"
#include "input.h"
#include "options.h"

namespace magnet_cli {

void fim_options::add_to(CLI::App & verb) {
    option_group group(verb, "Fill in the middle (--context fim)");
    group.list("--extra", extra, "FILE", "a file of the same repository, read first; may be repeated, nearest last");
    group.value("--path", path, "PATH", "name of the file that the text is, as the model may read it");
    group.value("--repository", repository, "NAME", "name of its repository");
}

magnet_fim_params fim_options::apply() {
    texts.clear(), files.clear();
    for (const std::string & name : extra) {
        texts.push_back(read_file(name, {"a file beside the text", size_t{16} << 20}));
        if (texts.back().find('\0') != std::string::npos) {
            throw failure(name + ": holds a NUL character, so it is no text");
        }
    }
    for (size_t i = 0; i < extra.size(); ++i) {
        files.push_back({extra[i].c_str(), texts[i].c_str()});
    }
    return {repository.c_str(), path.c_str(), files.data(), static_cast<int32_t>(files.size())};
}

} // namespace magnet_cli
