#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "magnet.h"
#include "model.h"
#include "options.h"
#include "pointed.h"

namespace magnet_cli {

// One protocol.
struct eval_command {
    model_options      model;
    output_options     output;
    magnet_eval_params params = magnet_eval_default_params();
    std::string        protocol;
    pointed_values     own;
    std::string        file, state;
    bool               items = false;

    void run();
    void print(const magnet_eval_result & result) const;
};

// What the help of a protocol says.
struct protocol_help {
    const char * name;
    int32_t      protocol; // enum magnet_eval_protocol
    const char * about;
    const char * file_help;
    const char * notes;
};

// Gives `magnet eval` a protocol, with the options that every one has; own adds its own.
void add_protocol(CLI::App & eval, const protocol_help & help,
                  const std::function<void(eval_command &, option_group &)> & own);

} // namespace magnet_cli
