#include <algorithm>

#include "jpeg_kernels.h"
#include "jpeg_upsample_rows.h"

namespace fastdata {
namespace {

std::uint8_t clamped(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

}  // namespace

void portable::wider(const std::uint8_t* in, int count, std::uint8_t* out) {
    wider_row(in, count, out);
}

void portable::larger(const std::uint8_t* near, const std::uint8_t* far, int count,
                      std::uint8_t* out) {
    larger_row(near, far, count, out);
}

void portable::rgb(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
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

}  // namespace fastdata
