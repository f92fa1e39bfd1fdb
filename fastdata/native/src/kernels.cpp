#include "kernels.h"

#include <cstring>

#include "kernels_avx2.h"
#include "processor.h"

namespace fastdata {

namespace {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint8_t;

int32_t half(int shift) { return int32_t{1} << (shift - 1); }

template <int Channels>
void across(const uint8_t* row, const RowWeights& w, uint8_t* out) {
    const int16_t* weight = w.weights;
    for (int i = 0; i < w.count; ++i, weight += 2 * w.pairs) {
        const uint8_t* pixel = row + w.first[i] * Channels;
        int32_t sums[Channels];
        for (int32_t& sum : sums) sum = half(w.shift);
        for (int k = 0; k < 2 * w.pairs; ++k) {
            if (weight[k] == 0) continue;  // The row may end before such a pixel.
            for (int c = 0; c < Channels; ++c) sums[c] += weight[k] * pixel[k * Channels + c];
        }
        for (int32_t sum : sums) *out++ = static_cast<uint8_t>(sum >> w.shift);
    }
}

template <int Channels>
void across_rows(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                 uint8_t* out_b) {
    across<Channels>(a, w, out_a);
    across<Channels>(b, w, out_b);
}

void across_grouped(const uint8_t* row, const RowWeights& w, uint8_t* out) {
    for (int i = 0; i < w.count; ++i) {
        const int16_t* weight = w.weights + (i / 4 * w.pairs * 4 + i % 4) * 2;
        int32_t sum = half(w.shift);
        for (int k = 0; k < 2 * w.pairs; ++k) {
            const int value = weight[k / 2 * 8 + k % 2];
            if (value != 0) sum += value * row[w.first[i] + k];
        }
        out[i] = static_cast<uint8_t>(sum >> w.shift);
    }
}

void across_grouped_rows(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                         uint8_t* out_b) {
    across_grouped(a, w, out_a);
    across_grouped(b, w, out_b);
}

void down(const uint8_t* const* rows, const int16_t* weights, int pairs, int shift, size_t length,
          uint8_t* out) {
    for (size_t i = 0; i < length; ++i) {
        int32_t sum = half(shift);
        for (int k = 0; k < 2 * pairs; ++k) sum += weights[k] * rows[k][i];
        out[i] = static_cast<uint8_t>(sum >> shift);
    }
}

template <int Channels>
void mirror(const uint8_t* row, size_t count, uint8_t* out) {
    for (size_t i = 0; i < count; ++i) {
        const uint8_t* pixel = row + (count - 1 - i) * Channels;
        for (int c = 0; c < Channels; ++c) *out++ = pixel[c];
    }
}

void split3(const uint8_t* row, size_t count, uint8_t* const planes[3]) {
    for (size_t i = 0; i < count; ++i) {
        for (int c = 0; c < 3; ++c) planes[c][i] = row[3 * i + c];
    }
}

void to_float(const uint8_t* values, size_t length, int channels, const float* factor,
              const float* offset, float* out) {
    for (size_t i = 0; i < length; ++i) {
        const size_t channel = i % static_cast<size_t>(channels);
        out[i] = static_cast<float>(values[i]) * factor[channel] + offset[channel];
    }
}

/// Source: IEEE 754-2008, 3.6 (binary16: 5 bits of exponent, 10 of fraction).
float half_to_float(unsigned bits) {
    const std::uint32_t sign = (bits & 0x8000u) << 16, rest = (bits & 0x7FFFu) << 13;
    // As a float the number is too small by 2**112, denormal numbers included.
    float magnitude;
    std::memcpy(&magnitude, &rest, sizeof magnitude);
    magnitude *= 5192296858534827628530496329220096.0f;
    std::uint32_t found;
    std::memcpy(&found, &magnitude, sizeof found);
    if ((bits & 0x7C00u) == 0x7C00u) found |= 0x7F800000u | rest;
    found |= sign;
    float value;
    std::memcpy(&value, &found, sizeof value);
    return value;
}

void halves(const uint8_t* values, size_t count, float* out) {
    for (size_t i = 0; i < count; ++i) {
        out[i] = half_to_float(values[2 * i] | static_cast<unsigned>(values[2 * i + 1]) << 8);
    }
}

void down_floats(const float* const* rows, const float* weights, int taps, size_t count,
                 float* out) {
    for (size_t i = 0; i < count; ++i) {
        float sum = 0;
        for (int k = 0; k < taps; ++k) sum += weights[k] * rows[k][i];
        out[i] = sum;
    }
}

void across_floats(const float* row, const int32_t* first, const float* weights, int taps,
                   int count, float* out) {
    for (int i = 0; i < count; ++i, weights += taps) {
        const float* values = row + first[i];
        float sums[4] = {0, 0, 0, 0};
        for (int k = 0; k < taps; ++k) sums[k % 4] += weights[k] * values[k];
        out[i] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
}

}  // namespace

const Kernels& portable_kernels() {
    static constexpr Kernels kernels = {
        across_rows<3>, across_grouped_rows, across_rows<1>, down,
        mirror<3>,      mirror<1>,           split3,         to_float,
        halves,         down_floats,         across_floats,
    };
    return kernels;
}

const Kernels& best_kernels() {
#if defined(__x86_64__)
    static constexpr Kernels newer = {
        avx2::across3, avx2::across1,     avx2::across1_wide,  avx2::down,
        avx2::mirror3, avx2::mirror1,     avx2::split3,        avx2::to_float,
        avx2::halves,  avx2::down_floats, avx2::across_floats,
    };
    if (has_avx2()) return newer;
#endif
    return portable_kernels();
}

}  // namespace fastdata
