/* magnet.h is a C11 header that needs nothing before it. */
#include "magnet.h"

int main(void) { return magnet_abi_version() == MAGNET_ABI_VERSION ? 0 : 1; }
