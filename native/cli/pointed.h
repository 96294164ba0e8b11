#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace magnet_cli {

// Values that fields of a C struct point to. The parser fills what text(), texts() and list() return; bind() then points
// the fields at it. A field whose option is not given stays as it is. Neither this nor the structs may move in between.
class pointed_values {
public:
    std::optional<std::string> & text(const char *& field) {
        return keep<std::optional<std::string>>([&field](std::optional<std::string> & value) {
            field = value ? value->c_str() : field;
        });
    }

    std::vector<std::string> & texts(const char * const *& field, int32_t & n) {
        const auto pointers = std::make_shared<std::vector<const char *>>();
        return keep<std::vector<std::string>>([&field, &n, pointers](std::vector<std::string> & values) {
            pointers->clear();
            for (const std::string & value : values) {
                pointers->push_back(value.c_str());
            }
            point(*pointers, field, n);
        });
    }

    template <typename T>
    std::vector<T> & list(const T *& field, int32_t & n) {
        return keep<std::vector<T>>([&field, &n](std::vector<T> & values) { point(values, field, n); });
    }

    void bind() const {
        for (const auto & binder : binders) {
            binder();
        }
    }

private:
    template <typename T, typename Field>
    static void point(const std::vector<T> & values, Field & field, int32_t & n) {
        if (!values.empty()) {
            field = values.data();
            n     = static_cast<int32_t>(values.size());
        }
    }

    template <typename T, typename Binder>
    T & keep(Binder binder) {
        const auto value = std::make_shared<T>();
        binders.push_back([value, binder] { binder(*value); });
        return *value;
    }

    std::vector<std::function<void()>> binders;
};

} // namespace magnet_cli
