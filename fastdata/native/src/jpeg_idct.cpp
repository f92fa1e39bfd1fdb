#include "jpeg_idct.h"

#include <algorithm>
#include <cstring>

#include "jpeg_idct_weights.h"

namespace fastdata {
namespace {

std::uint8_t sample_of(int value) {
    return static_cast<std::uint8_t>(std::clamp(value + 128, 0, 255));
}

/// One dimension: 8 values, `stride` apart, become 8 others, rounded to `shift` bits less.
void transform(const int* in, int* out, std::ptrdiff_t stride, int shift) {
    const int* w = kIdctOdd[0];
    const auto at = [&](int i) { return in[i * stride]; };
    const int round = 1 << (shift - 1);
    const int sum = (at(0) + at(4)) * (1 << 13) + round;
    const int difference = (at(0) - at(4)) * (1 << 13) + round;
    const int low = at(2) * kIdctEven[0] + at(6) * kIdctEven[1];
    const int high = at(2) * kIdctEven[2] + at(6) * kIdctEven[3];
    const int even[4] = {sum + low, difference + high, difference - high, sum - low};
    for (int i = 0; i < 4; ++i, w += 4) {
        const int odd = at(1) * w[0] + at(3) * w[1] + at(5) * w[2] + at(7) * w[3];
        out[i * stride] = (even[i] + odd) >> shift;
        out[(7 - i) * stride] = (even[i] - odd) >> shift;
    }
}

void one_block(JpegBlock& block, BlockTarget target) {
    int values[64];
    int between[64];
    for (int i = 0; i < 64; ++i) values[i] = block.values[i] * target.factors[i];
    std::fill_n(block.values, 64, std::int16_t{0});
    for (int column = 0; column < 8; ++column) transform(values + column, between + column, 8, 11);
    for (int row = 0; row < 8; ++row) transform(between + 8 * row, values + 8 * row, 1, 18);
    for (int row = 0; row < 8; ++row) {
        std::uint8_t* samples = target.samples + row * target.row_stride;
        for (int column = 0; column < 8; ++column) {
            samples[column] = sample_of(values[8 * row + column]);
        }
    }
}

}  // namespace

void inverse_dct(JpegBlock* two, const BlockTarget* targets) {
    one_block(two[0], targets[0]);
    one_block(two[1], targets[1]);
}

InverseDct best_inverse_dct() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return inverse_dct_avx2;
#endif
    return inverse_dct;
}

void fill_flat(int coefficient, const BlockTarget& target) {
    const std::uint8_t sample = sample_of((coefficient * target.factors[0] + 4) >> 3);
    for (int row = 0; row < 8; ++row)
        std::memset(target.samples + row * target.row_stride, sample, 8);
}

}  // namespace fastdata
