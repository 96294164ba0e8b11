/* The smallest C app: asks for a model that is not there, and prints what the library says. */
#include <magnet.h>
#include <stdio.h>

int main(void) {
    struct magnet_model * model = NULL;
    if (magnet_abi_version() != MAGNET_ABI_VERSION) {
        fprintf(stderr, "header and library differ\n");
        return 1;
    }
    const int32_t status = magnet_model_load("no-such-model.gguf", NULL, &model);
    printf("%s: %s: %s\n", magnet_version(), magnet_status_name(status), magnet_last_error());
    magnet_model_free(model);
    return status == MAGNET_STATUS_OK;
}
