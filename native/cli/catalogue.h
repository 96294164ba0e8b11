// Models by name: what this program and Java's dev.magnet.Models know (docs/models.md), and where the cache has them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace magnet_cli {

struct known_model {
    std::string name;
    std::string file; // its name in the cache
    int64_t     bytes = 0;
    std::string sha256; // 64 hexadecimal digits
    std::string licence;
    std::string adapter_of; // a model's name; "" = no adapter
};

// In UTF-8, whether the cache has it or not.
std::string path_of(const known_model & model, const std::filesystem::path & cache);

enum class cached { no, unchecked, checked, wrong_size };

// $MAGNET_CACHE/models, else $XDG_CACHE_HOME/magnet/models, else ~/.cache/magnet/models.
std::filesystem::path model_cache();

// By name: those of this program, and of models.properties in the cache, which counts where both name one. A failure
// names the line that is wrong.
std::vector<known_model> read_catalogue(const std::filesystem::path & cache);

// Whether the cache has the file. checked: its hash was found right, and it was not touched since; nothing is hashed
// here.
cached state_of(const known_model & model, const std::filesystem::path & cache);

} // namespace magnet_cli
