#include <algorithm>
#include <cstring>

#include "jpeg_idct_weights.h"
#include "jpeg_kernels.h"

namespace fastdata {
namespace {

std::uint8_t sample_of(int value) {
    return static_cast<std::uint8_t>(std::clamp(value + 128, 0, 255));
}

/// What remains of a sum in 16 bits; only damaged data exceed them.
int wrapped(int value) { return static_cast<std::int16_t>(value); }

int saturated(int value) { return std::clamp(value, -32768, 32767); }

int weighted(IdctPair weights, int first, int second) {
    return weights.first * first + weights.second * second;
}

/// One dimension: 8 values, `stride` apart, become 8 others, rounded to `shift` bits less.
void transform(int* values, int stride, int shift) {
    int in[8];
    for (int i = 0; i < 8; ++i) in[i] = values[i * stride];
    const int sum = wrapped(in[0] + in[4]) * (1 << 13);
    const int difference = wrapped(in[0] - in[4]) * (1 << 13);
    const int in_sum = weighted(kInSum, in[2], in[6]);
    const int in_difference = weighted(kInDifference, in[2], in[6]);
    const int even[4] = {sum + in_sum, difference + in_difference, difference - in_difference,
                         sum - in_sum};
    const int a = wrapped(in[3] + in[7]);
    const int b = wrapped(in[1] + in[5]);
    const int odd[4] = {weighted(kIn0And2, a, b) + weighted(kIn0, in[1], in[7]),
                        weighted(kIn1And3, a, b) + weighted(kIn1, in[3], in[5]),
                        weighted(kIn0And2, a, b) + weighted(kIn2, in[3], in[5]),
                        weighted(kIn1And3, a, b) + weighted(kIn3, in[1], in[7])};
    const int half = 1 << (shift - 1);
    for (int i = 0; i < 4; ++i) {
        values[i * stride] = saturated((even[i] + odd[i] + half) >> shift);
        values[(7 - i) * stride] = saturated((even[i] - odd[i] + half) >> shift);
    }
}

void one_block(JpegBlock& block, BlockTarget target) {
    int values[64];
    for (int i = 0; i < 64; ++i) values[i] = wrapped(block.values[i] * target.factors[i]);
    std::fill_n(block.values, 64, std::int16_t{0});
    for (int column = 0; column < 8; ++column) transform(values + column, 8, 11);
    for (int row = 0; row < 8; ++row) transform(values + 8 * row, 1, 18);
    for (int row = 0; row < 8; ++row) {
        std::uint8_t* samples = target.samples + row * target.row_stride;
        for (int column = 0; column < 8; ++column) {
            samples[column] = sample_of(values[8 * row + column]);
        }
    }
}

}  // namespace

void portable::inverse_dct(JpegBlock* two, const BlockTarget* targets) {
    one_block(two[0], targets[0]);
    one_block(two[1], targets[1]);
}

void fill_flat(int coefficient, const BlockTarget& target) {
    const std::uint8_t sample = sample_of((coefficient * target.factors[0] + 4) >> 3);
    for (int row = 0; row < 8; ++row)
        std::memset(target.samples + row * target.row_stride, sample, 8);
}

}  // namespace fastdata
