#include "kernels.h"
#include "kernels_avx2.h"
#include "simd_avx2.h"

#if defined(__AVX2__)

namespace fastdata {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint8_t;

__attribute__((target("avx2,f16c"))) void avx2::halves(const uint8_t* values, size_t count,
                                                       float* out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(load16(values + 2 * i)));
    }
    portable_kernels().halves(values + 2 * i, count - i, out + i);
}

void avx2::down_floats(const float* const* rows, const float* weights, int taps, size_t count,
                       float* out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 sum = _mm256_setzero_ps();
        for (int k = 0; k < taps; ++k) {
            const __m256 weight = _mm256_broadcast_ss(weights + k);
            sum = _mm256_add_ps(sum, _mm256_mul_ps(weight, _mm256_loadu_ps(rows[k] + i)));
        }
        _mm256_storeu_ps(out + i, sum);
    }
    for (; i < count; ++i) {
        float sum = 0;
        for (int k = 0; k < taps; ++k) sum += weights[k] * rows[k][i];
        out[i] = sum;
    }
}

namespace {

__m128 four_sums(const float* values, const float* weights, int taps) {
    __m128 sums = _mm_setzero_ps();
    for (int k = 0; k < taps; k += 4) {
        sums = _mm_add_ps(sums, _mm_mul_ps(_mm_loadu_ps(weights + k), _mm_loadu_ps(values + k)));
    }
    return sums;
}

}  // namespace

void avx2::across_floats(const float* row, const int32_t* first, const float* weights, int taps,
                         int count, float* out) {
    int i = 0;
    for (; i + 4 <= count; i += 4, weights += 4 * taps) {
        __m128 sums[4];
        for (int j = 0; j < 4; ++j) {
            sums[j] = four_sums(row + first[i + j], weights + j * taps, taps);
        }
        _mm_storeu_ps(out + i,
                      _mm_hadd_ps(_mm_hadd_ps(sums[0], sums[1]), _mm_hadd_ps(sums[2], sums[3])));
    }
    portable_kernels().across_floats(row, first + i, weights, taps, count - i, out + i);
}

}  // namespace fastdata

#endif
