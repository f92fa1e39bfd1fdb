#include "jpeg_colour.h"

#include <algorithm>

#include "jpeg_upsample_rows.h"

namespace fastdata {
namespace {

std::uint8_t clamped(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

void rgb_row(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
             std::uint8_t* out) {
    constexpr int half = 1 << 15;
    for (int i = 0; i < count; ++i, out += 3) {
        const int blue = cb[i] - 128;
        const int red = cr[i] - 128;
        out[0] = clamped(y[i] + ((91881 * red + half) >> 16));
        out[1] = clamped(y[i] + ((-22554 * blue - 46802 * red + half) >> 16));
        out[2] = clamped(y[i] + ((116130 * blue + half) >> 16));
    }
}

}  // namespace

const ColourKernels kColour = {wider_row, larger_row, rgb_row};

const ColourKernels& best_colour() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return kColourAvx2;
#endif
    return kColour;
}

}  // namespace fastdata
