#include "distinct-files.h"

#include "error.h"
#include "path.h"

namespace magnet {

void check_distinct(const std::vector<named_file> & reads, const std::vector<named_file> & writes) {
    for (size_t i = 0; i < writes.size(); ++i) {
        const named_file & to = writes[i];
        if (to.path.empty()) {
            continue;
        }
        const auto check = [&to](const named_file & other, const char * what) {
            if (!other.path.empty() && same_file(to.path, other.path)) {
                throw error(MAGNET_STATUS_INVALID_ARGUMENT, to.name + " is " + to.path + ", which would destroy " +
                                                                other.name + ", " + other.path + ", " + what +
                                                                " by this call; name another file.");
            }
        };
        for (const named_file & from : reads) {
            check(from, "read");
        }
        for (size_t k = 0; k < writes.size(); ++k) {
            if (k != i) {
                check(writes[k], "written");
            }
        }
    }
}

} // namespace magnet
