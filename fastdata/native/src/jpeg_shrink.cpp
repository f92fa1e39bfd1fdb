#include "jpeg_shrink.h"

#include <algorithm>

namespace fastdata {
namespace {

/// Means of `across` neighbouring sums each, of 2^shift samples.
template <int across>
void means(const std::uint16_t* sums, int count, int shift, std::uint8_t* out) {
    const int half = shift ? 1 << (shift - 1) : 0;
    for (int i = 0; i < count; ++i) {
        int sum = half;
        for (int k = 0; k < across; ++k) sum += sums[i * across + k];
        out[i] = static_cast<std::uint8_t>(sum >> shift);
    }
}

int exponent(int power_of_two) { return __builtin_ctz(static_cast<unsigned>(power_of_two)); }

}  // namespace

Rect shrunk(Rect stored, int denominator) {
    const int top = stored.top / denominator;
    const int left = stored.left / denominator;
    const int bottom = (stored.top + stored.height + denominator - 1) / denominator;
    const int right = (stored.left + stored.width + denominator - 1) / denominator;
    return {top, left, bottom - top, right - left};
}

void shrink_row(const JpegPlane& plane, int down, int across, int y, int x, int count,
                std::uint16_t* sums, std::uint8_t* out) {
    const int length = count * across;
    const std::uint8_t* row = plane.at(y * down, x * across);
    std::copy_n(row, length, sums);
    for (int i = 1; i < down; ++i) {
        row += plane.row_stride;
        for (int k = 0; k < length; ++k) sums[k] = static_cast<std::uint16_t>(sums[k] + row[k]);
    }
    const int shift = exponent(down) + exponent(across);
    switch (across) {
        case 1:
            return means<1>(sums, count, shift, out);
        case 2:
            return means<2>(sums, count, shift, out);
        case 4:
            return means<4>(sums, count, shift, out);
        default:
            return means<8>(sums, count, shift, out);
    }
}

}  // namespace fastdata
