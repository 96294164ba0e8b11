// The same in C++, without any C++ from the library.
#include <iostream>
#include <magnet.h>
#include <memory>

int main() {
    magnet_model * handle = nullptr;
    const int32_t  status = magnet_model_load("no-such-model.gguf", nullptr, &handle);

    const std::unique_ptr<magnet_model, decltype(&magnet_model_free)> model(handle, magnet_model_free);
    std::cout << magnet_version() << ": " << magnet_status_name(status) << ": " << magnet_last_error() << "\n";
    return model || magnet_abi_version() != MAGNET_ABI_VERSION;
}
