#include <cstddef>
#include <cstdint>

#include "targets.h"

namespace fastdata::fuzz {

void check_all(Bytes input) {
    const Choices choices(input);
    check_jpeg(input, choices);
    check_png(input, choices);
    check_batch(input, choices);
    check_kernels(input, choices);
}

}  // namespace fastdata::fuzz

/// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fastdata::fuzz::check_all({data, size});
    return 0;
}
